using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Elf;
using Semitone.Machine;
using Semitone.Memory;

namespace Semitone.Loader;

/// <summary>
/// execve(2) up to the point where the new program takes over: finds the file, reads it, and builds an address space of its own for it.
/// </summary>
/// <remarks>
/// All or nothing: whatever fails, the caller's address space has not been touched, and everything that was built is gone.
/// </remarks>
public sealed class ProgramLoader
{
    /// <summary>
    /// Where programs that may lie anywhere go, before randomisation: two thirds up, far from heap-less low addresses and from the stack.
    /// </summary>
    private const ulong ProgramBase = Paging.UserEnd / 3 * 2 & ~Paging.PageMask;

    /// <summary>Random bits of that place, and how far the heap may begin behind the program, as in Linux.</summary>
    private const ulong ProgramRandomPages = 1UL << 28;
    private const ulong BreakRandomPages = (1UL << 30) / Paging.PageSize;

    /// <summary>Stack that is mapped below what is in use, so that the first calls need not grow it.</summary>
    private const ulong StackReserve = 128 << 10;

    /// <summary>Ticks per second of times(2) (AT_CLKTCK).</summary>
    private const ulong ClockTicks = 100;

    /// <summary>What a signal frame has besides the extended state (AT_MINSIGSTKSZ).</summary>
    private const ulong SignalFrameSize = 944;

    /// <summary>What an interpreter without a name is: to Linux, the working directory, which cannot be executed.</summary>
    private const Errno EmptyInterpreter = Errno.EACCES;

    /// <summary>Bytes of a thread's name (TASK_COMM_LEN, without the NUL).</summary>
    private const int MaxNameLength = 15;

    private readonly IMachine _machine;
    private readonly FramePool _frames;
    private readonly Vdso _vdso;

    public ProgramLoader(IMachine machine, FramePool frames, Vdso vdso)
    {
        _machine = machine;
        _frames = frames;
        _vdso = vdso;
    }

    /// <summary>Loads a program.</summary>
    /// <param name="request">What and for whom.</param>
    /// <param name="files">How files are found.</param>
    /// <param name="program">The program, when the result is None.</param>
    /// <param name="failure">What went wrong, otherwise.</param>
    /// <returns>
    /// None; what execve(2) answers; or <see cref="InternalErrno.MustWait"/> when a name or a page must be fetched first. Nothing has been
    /// done then.
    /// </returns>
    public Errno Load(ExecRequest request, IProgramLookup files, out LoadedProgram? program, out LoadFailure failure)
    {
        program = null;
        Errno error = FindExecutable(request, files, out Executable executable, out failure);
        if (error != Errno.None)
        {
            return error;
        }

        IProgramFile? interpreterFile = null;
        ElfFile? interpreterElf = null;
        if (executable.InterpreterPath is { } interpreterPath)
        {
            error = OpenInterpreter(files, interpreterPath, out interpreterFile, out interpreterElf, out ElfDefect defect);
            if (error != Errno.None)
            {
                failure = new LoadFailure(LoadStage.Interpreter, error, defect, executable.Path, interpreterPath)
                {
                    Lacking = interpreterFile
                };
                return error;
            }
        }

        error = files.Identify(executable.File, out ProgramIdentity identity);
        if (error != Errno.None)
        {
            failure = new LoadFailure(LoadStage.Open, error, ElfDefect.None, executable.Path, null) { Lacking = executable.File };
            return error;
        }

        RandomBits random = default;
        _machine.GetEntropy(MemoryMarshal.AsBytes(new Span<RandomBits>(ref random)));
        if (!(identity.IsSecure ? request.RandomizesSecure : request.Randomize))
        {
            random = random with { Layout = 0, Base = 0, Break = 0, StackGap = 0 };
        }

        AddressSpaceLayout layout = AddressSpaceLayout.Choose(random.Layout, request.StackLimit);
        if (!AddressSpace.TryCreate(_machine, _frames, layout, out AddressSpace? space))
        {
            failure = new LoadFailure(LoadStage.Map, Errno.ENOMEM, ElfDefect.None, executable.Path, null);
            return Errno.ENOMEM;
        }

        space.StackLimit = request.StackLimit;
        try
        {
            error = Build(request, identity, space, executable, interpreterFile, interpreterElf, random, out program);
        }
        catch (OutOfMemoryException)
        {
            // The old program is untouched: it hears of it, and goes on.
            error = Errno.ENOMEM;
        }

        if (error != Errno.None)
        {
            IProgramFile? lacking = null;
            if (space.TryTakeLack(out WaitQueue? fetches))
            {
                error = InternalErrno.MustWait;
                lacking = interpreterFile?.Pages.Fetches == fetches ? interpreterFile : executable.File;
            }

            space.Dispose();
            failure = new LoadFailure(LoadStage.Map, error, ElfDefect.None, executable.Path, null) { Lacking = lacking };
        }

        return error;
    }

    /// <summary>Opens the program, following scripts to their interpreters, until an ELF file is found.</summary>
    private Errno FindExecutable(ExecRequest request, IProgramLookup files, out Executable executable, out LoadFailure failure)
    {
        executable = default;
        byte[] path = request.Path;
        byte[][] arguments = CopyArguments(request.Arguments);
        Span<byte> start = stackalloc byte[ScriptLine.BufferSize];
        for (int depth = 0; ; depth++)
        {
            LoadStage stage = LoadStage.Open;
            ElfDefect defect = ElfDefect.None;
            ScriptLine line = default;
            bool isScript = false;
            ArgumentBlock strings = default;

            IProgramFile? file = null;
            Errno error = depth == 0 ? files.OpenFirst(path, out file)
                : path.Length != 0 ? files.Open(path, out file) : EmptyInterpreter;
            if (error == Errno.None
                && !ArgumentBlock.TryMeasure(arguments, request.Environment, request.Path, request.StackLimit, out strings))
            {
                stage = LoadStage.Arguments;
                error = Errno.E2BIG;
            }

            if (error == Errno.None && depth > ScriptLine.MaxDepth)
            {
                error = Errno.ELOOP;
            }

            if (error == Errno.None)
            {
                stage = LoadStage.Parse;
                var source = new MemoryObjectSource(file!.Pages, _frames);
                start.Clear();
                error = source.ReadAt(0, start).Error;
                isScript = ScriptLine.IsScript(start);
                if (error == Errno.None && isScript)
                {
                    error = !ScriptLine.TryParse(start, out line) ? Errno.ENOEXEC
                        : request.IsPathInaccessible ? Errno.ENOENT : Errno.None;
                }
                else if (error == Errno.None)
                {
                    error = ReadElf(source, file, path, strings, out executable, out defect);
                }

                error = source.HasLack ? InternalErrno.MustWait : error;
            }

            if (error != Errno.None || !isScript)
            {
                failure = new LoadFailure(stage, error, defect, path, null) { Lacking = file };
                return error;
            }

            arguments = PrependInterpreter(line, path, arguments);
            path = line.Interpreter;
        }
    }

    private static Errno ReadElf(
        MemoryObjectSource source,
        IProgramFile file,
        byte[] path,
        in ArgumentBlock strings,
        out Executable executable,
        out ElfDefect defect)
    {
        executable = default;
        Errno error = ElfFile.Read(source, out ElfFile? elf, out defect);
        if (error != Errno.None)
        {
            return error;
        }

        error = elf!.ReadInterpreter(source, out byte[]? interpreterPath, out defect);
        if (error == Errno.None)
        {
            executable = new Executable(file, elf, path, interpreterPath, strings);
        }

        return error;
    }

    private Errno OpenInterpreter(IProgramLookup files, byte[] path, out IProgramFile? file, out ElfFile? elf, out ElfDefect defect)
    {
        file = null;
        elf = null;
        defect = ElfDefect.None;

        Errno error = path.Length != 0 ? files.Open(path, out file) : EmptyInterpreter;
        if (error != Errno.None)
        {
            return error;
        }

        var source = new MemoryObjectSource(file!.Pages, _frames);
        Span<byte> header = stackalloc byte[ElfHeader.Size];
        IoResult read = source.ReadAt(0, header);
        if (read.Error == Errno.None && read.Bytes < header.Length)
        {
            return Errno.EIO;
        }

        error = ElfFile.Read(source, out elf, out defect);
        return source.HasLack ? InternalErrno.MustWait : error == Errno.ENOEXEC ? Errno.ELIBBAD : error;
    }

    /// <summary>Fills an empty address space.</summary>
    private Errno Build(
        ExecRequest request,
        ProgramIdentity identity,
        AddressSpace space,
        in Executable executable,
        IProgramFile? interpreterFile,
        ElfFile? interpreterElf,
        in RandomBits random,
        out LoadedProgram? program)
    {
        program = null;
        var stack = new StackImage(executable.Strings, space.Layout.StackTop, (uint)(random.StackGap % Paging.PageSize));
        Errno error = MapStack(space, stack.VectorStart, request.StackLimit, executable.Elf.HasExecutableStack);
        if (error != Errno.None)
        {
            return error;
        }

        // A program without an interpreter that may lie anywhere may be an interpreter itself, started by hand: it goes where
        // those go, and out of the way of what it will load.
        bool hasInterpreter = interpreterFile is not null;
        ulong preferredBase = hasInterpreter ? ProgramBase + ((random.Base % ProgramRandomPages) << Paging.PageShift) : 0;
        error = ImageMapper.Map(space, executable.Elf, executable.File.Pages, executable.Path, preferredBase, out LoadedImage? image);
        if (error != Errno.None)
        {
            return error;
        }

        LoadedImage? interpreter = null;
        if (hasInterpreter)
        {
            error = ImageMapper.Map(space, interpreterElf!, interpreterFile!.Pages, executable.InterpreterPath!, 0, out interpreter);
            if (error != Errno.None)
            {
                return error;
            }
        }

        error = _vdso.Map(space, out ulong vdsoAddress);
        if (error != Errno.None)
        {
            return error;
        }

        bool isLoader = !hasInterpreter && executable.Elf.Header.Type == ElfFileType.SharedObject;
        ulong breakStart = isLoader ? ProgramBase : image!.End;
        space.SetBreakStart(breakStart + ((random.Break % BreakRandomPages) << Paging.PageShift));

        WriteStack(ref stack, identity, executable.Elf, image!, interpreter, random, vdsoAddress);
        if (!TryCopyOut(space, stack.StringStart, stack.StringBytes) || !TryCopyOut(space, stack.VectorStart, stack.VectorBytes))
        {
            return Errno.EFAULT;
        }

        program = new LoadedProgram
        {
            Space = space,
            InstructionPointer = interpreter?.Entry ?? image!.Entry,
            StackPointer = stack.VectorStart,
            Executable = executable.File,
            Program = image!,
            Interpreter = interpreter,
            Name = GetName(request.Path),
            ArgumentStart = stack.ArgumentStart,
            ArgumentEnd = stack.EnvironmentStart,
            EnvironmentStart = stack.EnvironmentStart,
            EnvironmentEnd = stack.EnvironmentEnd,
            AuxiliaryVector = stack.AuxiliaryBytes.ToArray(),
        };
        return Errno.None;
    }

    private static Errno MapStack(AddressSpace space, ulong used, ulong stackLimit, bool isExecutable)
    {
        ulong top = space.Layout.StackTop;
        ulong needed = Paging.RoundUp(top - used);
        ulong length = Math.Max(needed, Math.Min(needed + StackReserve, Paging.RoundDown(stackLimit)));
        var request = new MapRequest
        {
            Address = top - length,
            Length = length,
            Access = PageAccess.Read | PageAccess.Write | (isExecutable ? PageAccess.Execute : PageAccess.None),
            Flags = VmaFlags.GrowsDown,
            Options = MapOptions.FixedNoReplace,
        };
        return space.Map(in request, out _);
    }

    private void WriteStack(
        ref StackImage stack,
        ProgramIdentity identity,
        ElfFile elf,
        LoadedImage image,
        LoadedImage? interpreter,
        in RandomBits random,
        ulong vdsoAddress)
    {
        Span<byte> canary = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(canary, random.Canary0);
        BinaryPrimitives.WriteUInt64LittleEndian(canary[8..], random.Canary1);
        stack.WriteStrings(canary);

        // AT_RSEQ_* come with rseq(2): without them glibc does not count on it.
        CpuFeatures features = _machine.CpuFeatures;
        stack.WriteAuxiliary(
        [
            new(AuxiliaryType.AT_SYSINFO_EHDR, vdsoAddress),
            new(AuxiliaryType.AT_MINSIGSTKSZ, (ulong)features.ExtendedStateSize + SignalFrameSize),
            new(AuxiliaryType.AT_HWCAP, features.Hwcap),
            new(AuxiliaryType.AT_PAGESZ, Paging.PageSize),
            new(AuxiliaryType.AT_CLKTCK, ClockTicks),
            new(AuxiliaryType.AT_PHDR, ImageMapper.FindProgramHeaders(elf, image.Bias)),
            new(AuxiliaryType.AT_PHENT, ElfSegment.Size),
            new(AuxiliaryType.AT_PHNUM, elf.Header.ProgramHeaderCount),
            new(AuxiliaryType.AT_BASE, interpreter?.Bias ?? 0),
            new(AuxiliaryType.AT_FLAGS, 0),
            new(AuxiliaryType.AT_ENTRY, image.Entry),
            new(AuxiliaryType.AT_UID, identity.UserId),
            new(AuxiliaryType.AT_EUID, identity.EffectiveUserId),
            new(AuxiliaryType.AT_GID, identity.GroupId),
            new(AuxiliaryType.AT_EGID, identity.EffectiveGroupId),
            new(AuxiliaryType.AT_SECURE, identity.IsSecure ? 1UL : 0),
            new(AuxiliaryType.AT_RANDOM, stack.RandomAddress),
            new(AuxiliaryType.AT_HWCAP2, features.Hwcap2),
            new(AuxiliaryType.AT_EXECFN, stack.PathAddress),
            new(AuxiliaryType.AT_PLATFORM, stack.PlatformAddress),
            new(AuxiliaryType.AT_NULL, 0),
        ]);
    }

    private static bool TryCopyOut(AddressSpace space, ulong address, ReadOnlySpan<byte> bytes) =>
        space.Memory.CopyOut(address, bytes) == bytes.Length;

    private static byte[][] CopyArguments(IReadOnlyList<byte[]> arguments)
    {
        // Programs take argv[0] for granted, and Linux gives them one.
        byte[][] copy = new byte[Math.Max(1, arguments.Count)][];
        copy[0] = [];
        for (int index = 0; index < arguments.Count; index++)
        {
            copy[index] = arguments[index];
        }

        return copy;
    }

    /// <summary>
    /// Makes a script's argument vector that of its interpreter: its name, its argument, the script's path in place of argv[0], the rest.
    /// </summary>
    private static byte[][] PrependInterpreter(ScriptLine line, byte[] script, byte[][] arguments)
    {
        int added = line.Argument is null ? 1 : 2;
        byte[][] result = new byte[arguments.Length + added][];
        result[0] = line.Interpreter;
        if (line.Argument is { } argument)
        {
            result[1] = argument;
        }

        result[added] = script;
        arguments.AsSpan(1).CopyTo(result.AsSpan(added + 1));
        return result;
    }

    private static byte[] GetName(byte[] path)
    {
        ReadOnlySpan<byte> name = path.AsSpan(path.AsSpan().LastIndexOf((byte)'/') + 1);
        return name[..Math.Min(name.Length, MaxNameLength)].ToArray();
    }

    /// <summary>The ELF file to run, with the arguments that scripts on the way there have changed.</summary>
    private readonly record struct Executable(IProgramFile File, ElfFile Elf, byte[] Path, byte[]? InterpreterPath, ArgumentBlock Strings);

    /// <summary>All random bits of one exec, drawn at once.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private record struct RandomBits(ulong Layout, ulong Base, ulong Break, ulong StackGap, ulong Canary0, ulong Canary1);
}

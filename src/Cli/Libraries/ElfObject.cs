using Microsoft.Win32.SafeHandles;
using Semitone.Abi;
using Semitone.Cli.Posix;
using Semitone.Elf;

namespace Semitone.Cli.Libraries;

/// <summary>A program or library of the host with what it asks of the dynamic linker.</summary>
internal sealed class ElfObject
{
    private byte[]? _start;

    private ElfObject(string path)
    {
        Path = path;
    }

    /// <summary>Absolute, as it was found: not resolved.</summary>
    public string Path { get; }

    public string? Interpreter { get; private init; }

    public IReadOnlyList<string> Needed { get; private init; } = [];

    public string? SoName { get; private init; }

    /// <summary>DT_RPATH; null where it does not count because there is a DT_RUNPATH.</summary>
    public string? RPath { get; private init; }

    public string? RunPath { get; private init; }

    public bool IgnoresDefaultPaths { get; private init; }

    /// <summary>The object that needed this one first; null for the program.</summary>
    public ElfObject? NeededBy { get; private init; }

    /// <summary>Reads an object.</summary>
    /// <param name="path">Absolute.</param>
    /// <param name="neededBy">The object that needed it first; null for the program.</param>
    /// <param name="result">The object, when it is one for this machine.</param>
    /// <param name="problem">What is wrong otherwise; null when there is no such file.</param>
    public static bool TryRead(string path, ElfObject? neededBy, out ElfObject? result, out string? problem)
    {
        result = null;
        problem = null;
        SafeFileHandle handle;
        try
        {
            handle = HostFile.Open(path);
        }
        catch (FileNotFoundException)
        {
            return false;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            problem = failure.Message;
            return false;
        }

        using (handle)
        {
            FileElfSource source = new(handle);
            if (ElfFile.Read(source, out ElfFile? file, out ElfDefect defect) != Errno.None || !file!.Header.IsClass64)
            {
                problem = Describe(defect);
                return false;
            }

            if (file.ReadInterpreter(source, out byte[]? interpreter, out defect) != Errno.None)
            {
                problem = Describe(defect);
                return false;
            }

            if (ElfDynamic.Read(source, file, out ElfDynamic? dynamic) != Errno.None)
            {
                problem = "its dynamic section is damaged";
                return false;
            }

            result = new ElfObject(path)
            {
                Interpreter = Decode(interpreter),
                Needed = dynamic is null ? [] : [.. dynamic.Needed.Select(name => Decode(name)!)],
                SoName = Decode(dynamic?.SoName),
                RPath = dynamic?.RunPath is null ? Decode(dynamic?.RPath) : null,
                RunPath = Decode(dynamic?.RunPath),
                IgnoresDefaultPaths = dynamic?.IgnoresDefaultPaths ?? false,
                NeededBy = neededBy,
                Opened = DlopenNote.Read(source, file),
            };
            return true;
        }
    }

    /// <summary>
    /// The libraries that the object says it opens while it runs, and does not do well without (the note of the section .note.dlopen).
    /// </summary>
    public IReadOnlyList<string> Opened { get; private init; } = [];

    /// <summary>Tells whether the object calls pthread_exit(3) or pthread_cancel(3), by the names in its string table.</summary>
    public bool EndsThreads() => Names("pthread_exit\0"u8) || Names("pthread_cancel\0"u8);

    /// <summary>Tells whether a text stands in the file: the name of a function that it calls, or a path.</summary>
    /// <remarks>
    /// Only the start of the file is searched, where the string table is; a text that is found elsewhere costs a file too many.
    /// </remarks>
    public bool Names(ReadOnlySpan<byte> text)
    {
        const int SearchedBytes = 16 << 20;
        if (_start is null)
        {
            _start = [];
            try
            {
                using SafeFileHandle handle = HostFile.Open(Path);
                byte[] start = new byte[(int)Math.Min(RandomAccess.GetLength(handle), SearchedBytes)];
                _start = start[..RandomAccess.Read(handle, start, 0)];
            }
            catch (IOException)
            {
                // It was there a moment ago: whoever packs it will say so.
            }
        }

        return _start.AsSpan().IndexOf(text) >= 0;
    }

    private static string? Decode(byte[]? text) => text is null ? null : HostText.FromBytes(text);

    private static string Describe(ElfDefect defect) => defect switch
    {
        ElfDefect.MachineMismatch => "it is made for another machine than x86-64",
        ElfDefect.NotElf => "it is neither an ELF file nor a script (one begins with #!)",
        ElfDefect.BadType => "it is an ELF file but neither a program nor a shared object",
        ElfDefect.BadInterpreterPath or ElfDefect.TruncatedInterpreterPath => "the path of its interpreter is damaged",
        _ => "it is a damaged or 32-bit ELF file",
    };
}

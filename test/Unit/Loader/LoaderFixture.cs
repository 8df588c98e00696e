using System.Buffers.Binary;
using System.Text;
using Semitone.Abi;
using Semitone.Fakes;
using Semitone.Loader;
using Semitone.Memory;

namespace Semitone.Unit.Loader;

/// <summary>A machine with files in memory and a loader on it.</summary>
internal sealed class LoaderFixture : IProgramLookup
{
    private readonly Dictionary<string, Errno> _errors = [];
    private readonly Dictionary<string, TestFile> _files = [];

    public LoaderFixture(int frameCount = 8192)
    {
        Machine = new FakeMachine(frameCount);
        Frames = new FramePool(Machine.Frames);
        Vdso = new Vdso(Machine, Frames, 1);
        Loader = new ProgramLoader(Machine, Frames, Vdso);
    }

    public FakeMachine Machine { get; }

    public FramePool Frames { get; }

    public Vdso Vdso { get; }

    public ProgramLoader Loader { get; }

    public void Add(string path, byte[] contents)
    {
        var pages = new PageCache(Frames);
        IoCursor source = IoCursor.OverKernel(contents);
        Assert.Equal(contents.Length, pages.Write(0, ref source).Bytes);
        _files[path] = new TestFile(pages);
    }

    public void Add(string path, string text) => Add(path, Encoding.UTF8.GetBytes(text));

    /// <summary>Deletes a file and frees its pages.</summary>
    public void Remove(string path)
    {
        _files.Remove(path, out TestFile? file);
        file?.Pages.Release();
    }

    public void AddError(string path, Errno error) => _errors[path] = error;

    public Errno Open(ReadOnlySpan<byte> path, out IProgramFile? file)
    {
        string text = Encoding.UTF8.GetString(path);
        file = _files.GetValueOrDefault(text);
        return file is not null ? Errno.None : _errors.GetValueOrDefault(text, Errno.ENOENT);
    }

    public Errno Load(
        string path,
        out LoadedProgram? program,
        out LoadFailure failure,
        string[]? arguments = null,
        string[]? environment = null,
        bool randomize = true) =>
        Loader.Load(CreateRequest(path, arguments ?? [path], environment ?? [], randomize), this, out program, out failure);

    public LoadedProgram Load(string path, string[]? arguments = null, string[]? environment = null, bool randomize = true)
    {
        Errno error = Load(path, out LoadedProgram? program, out LoadFailure failure, arguments, environment, randomize);
        Assert.True(error == Errno.None, failure.ToString());
        return program!;
    }

    public static ExecRequest CreateRequest(string path, string[] arguments, string[] environment, bool randomize = true) => new()
    {
        Path = Encoding.UTF8.GetBytes(path),
        Arguments = [.. arguments.Select(Encoding.UTF8.GetBytes)],
        Environment = [.. environment.Select(Encoding.UTF8.GetBytes)],
        Randomize = randomize,
    };

    public Errno Identify(IProgramFile file, out ProgramIdentity identity)
    {
        identity = new ProgramIdentity(1000, 1001, 1002, 1003, IsSecure: false);
        return Errno.None;
    }

    public static byte[] ReadBytes(LoadedProgram program, ulong address, int count)
    {
        byte[] bytes = new byte[count];
        Assert.Equal(count, program.Space.Memory.CopyIn(address, bytes));
        return bytes;
    }

    public static ulong ReadWord(LoadedProgram program, ulong address) =>
        BinaryPrimitives.ReadUInt64LittleEndian(ReadBytes(program, address, 8));

    public static string ReadString(LoadedProgram program, ulong address)
    {
        byte[] buffer = new byte[UserMemory.PathMax];
        Assert.Equal(Errno.None, program.Space.Memory.ReadCString(new UserCString(address), buffer, out int length));
        return Encoding.UTF8.GetString(buffer.AsSpan(0, length));
    }

    /// <summary>Reads the stack as a program's start code does.</summary>
    public static StartState ReadStack(LoadedProgram program)
    {
        ulong position = program.StackPointer;
        ulong count = ReadWord(program, position);
        position += 8;
        List<string> arguments = ReadStrings(program, ref position);
        Assert.Equal(count, (ulong)arguments.Count);
        List<string> environment = ReadStrings(program, ref position);
        var auxiliary = new Dictionary<ulong, ulong>();
        while (true)
        {
            ulong type = ReadWord(program, position);
            ulong value = ReadWord(program, position + 8);
            position += 16;
            if (type == 0)
            {
                return new StartState(arguments, environment, auxiliary);
            }

            auxiliary.Add(type, value);
        }
    }

    private static List<string> ReadStrings(LoadedProgram program, ref ulong position)
    {
        var strings = new List<string>();
        while (true)
        {
            ulong pointer = ReadWord(program, position);
            position += 8;
            if (pointer == 0)
            {
                return strings;
            }

            strings.Add(ReadString(program, pointer));
        }
    }

    private sealed class TestFile(MemoryObject pages) : IProgramFile
    {
        public MemoryObject Pages => pages;
    }
}

/// <summary>What a program finds on its stack.</summary>
internal sealed record StartState(List<string> Arguments, List<string> Environment, Dictionary<ulong, ulong> Auxiliary);

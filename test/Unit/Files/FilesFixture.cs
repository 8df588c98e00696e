using System.Text;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Cpio;
using Semitone.Fakes;
using Semitone.Files;
using Semitone.Memory;

namespace Semitone.Unit.Files;

/// <summary>A root file system on the fake machine, seen by the superuser.</summary>
internal sealed class FilesFixture
{
    public FilesFixture(byte[]? initrd = null, int frameCount = 4096, int initrdOffset = 0)
    {
        Machine = new FakeMachine(frameCount);
        Machine.Clock.MonotonicNs = 1_000_000_000;
        if (initrd is not null)
        {
            Machine.SetBoot(string.Empty, initrd, initrdOffset);
        }
        Services = new FileServices(new FramePool(Machine.Frames), new Timekeeper(Machine.Clock), new RandomGenerator(Machine));
        LoadError = InitialRamDisk.Load(Services, Machine.Boot.InitialRamDisk, out RamFileSystem root, out long offset);
        LoadErrorOffset = offset;
        Root = root;
        Mounts = new MountNamespace(Services, root);
        Context = new FileSystemContext(Mounts, new FileCredentials());
    }

    public FakeMachine Machine { get; }

    public FileServices Services { get; }

    public RamFileSystem Root { get; }

    public MountNamespace Mounts { get; }

    public FileSystemContext Context { get; }

    public CpioError LoadError { get; }

    public long LoadErrorOffset { get; }

    public DirectoryInode Start => Context.WorkingDirectory;

    public static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    public static byte[] Archive(Action<CpioWriter> fill)
    {
        MemoryStream stream = new();
        CpioWriter writer = new(stream);
        fill(writer);
        writer.Finish();
        return stream.ToArray();
    }

    public Errno Open(string path, OpenFlags flags, out OpenFile? file, uint mode = 0x1A4) =>
        Context.Open(Start, Bytes(path), flags, (Mode)mode, out file);

    public OpenFile Open(string path, OpenFlags flags = OpenFlags.O_RDONLY)
    {
        Errno error = Open(path, flags, out OpenFile? file);
        Assert.Equal(Errno.None, error);
        return file!;
    }

    public Inode Find(string path, bool follow = true)
    {
        Assert.Equal(Errno.None, Context.Find(Start, Bytes(path), follow, out Inode? inode));
        return inode!;
    }

    public Errno FindError(string path, bool follow = true) => Context.Find(Start, Bytes(path), follow, out _);

    public void Write(string path, ReadOnlySpan<byte> content)
    {
        OpenFile file = Open(path, OpenFlags.O_CREAT | OpenFlags.O_TRUNC | OpenFlags.O_WRONLY);
        Write(file, content);
        file.Release();
    }

    public static IoResult Write(OpenFile file, ReadOnlySpan<byte> content)
    {
        IoCursor cursor = IoCursor.OverKernel(content.ToArray());
        return file.Write(ref cursor);
    }

    public byte[] ReadAll(string path)
    {
        OpenFile file = Open(path);
        List<byte> content = [];
        while (true)
        {
            byte[] read = Read(file, 1000);
            if (read.Length == 0)
            {
                file.Release();
                return [.. content];
            }
            content.AddRange(read);
        }
    }

    public string ReadText(string path) => Encoding.UTF8.GetString(ReadAll(path));

    public static byte[] Read(OpenFile file, int count)
    {
        byte[] buffer = new byte[count];
        IoCursor cursor = IoCursor.OverKernel(buffer);
        IoResult result = file.Read(ref cursor);
        Assert.Equal(Errno.None, result.Error);
        return buffer[..(int)result.Bytes];
    }

    public string[] List(string path)
    {
        OpenFile directory = Open(path, OpenFlags.O_DIRECTORY);
        List<string> names = [];
        while (directory.TryGetEntry(out DirectoryEntry entry, out long next))
        {
            names.Add(Encoding.UTF8.GetString(entry.Name));
            directory.CommitEntries(next);
        }
        directory.Release();
        return [.. names];
    }
}

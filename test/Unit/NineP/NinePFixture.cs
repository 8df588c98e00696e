using System.Text;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;
using Semitone.Memory;
using Semitone.NineP;
using Semitone.Unit.Files;

namespace Semitone.Unit.NineP;

/// <summary>A file system of a real server, mounted at /far, and calls that wait for it as system calls do.</summary>
internal sealed class NinePFixture : IDisposable
{
    public NinePFixture(string options = "cache=check", int frameCount = 4096)
    {
        Files = new FilesFixture(frameCount: frameCount);
        Executor = new Executor(Files.Machine.Cpu, Files.Machine.Clock);
        Server = new DiodServer(Files.Machine);
        NinePOptions? parsed = NinePOptions.Parse(Encoding.UTF8.GetBytes($"{options},aname={Server.Folder}"), out string bad);
        Assert.True(parsed is not null, bad);
        ValueTask<Outcome<NinePFileSystem>> connecting = NinePFileSystem.ConnectAsync(Files.Services, 99, Executor, Server, parsed);
        while (!connecting.IsCompleted)
        {
            Server.Deliver();
            RunAll();
        }

        Outcome<NinePFileSystem> connected = connecting.Result;
        Assert.Equal(Errno.None, connected.Error);
        FileSystem = connected.Value;
        Server.Connection = FileSystem.Connection;
        Assert.Equal(Errno.None, Context.MakeDirectory(Context.Root, "/far"u8, (Mode)0x1FF));
        Files.Mounts.Mount(FileSystem, (DirectoryInode)Files.Find("/far"), "far");
        Server.Requests.Clear();
    }

    public FilesFixture Files { get; }

    public Executor Executor { get; }

    public DiodServer Server { get; }

    public NinePFileSystem FileSystem { get; }

    public FileSystemContext Context => Files.Context;

    private FetchClock Clock => Files.Services.Fetches;

    public string Host(string name) => Path.Combine(Server.Folder, name);

    public static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);

    public void PassSeconds(int seconds) => Files.Machine.Clock.MonotonicNs += seconds * 1_000_000_000L;

    /// <summary>Makes a call as the layer of system calls does: again from its start until nothing must be fetched.</summary>
    public Errno Do(Func<Errno> call) => Do(call, out _);

    public Errno Do(Func<Errno> call, out PendingChange? change)
    {
        while (true)
        {
            Errno error = call();
            if (Context.TryTakeChange(out change))
            {
                WaitFor(change);
                Clock.Leave();
                return change.Result;
            }

            if (error != InternalErrno.MustWait)
            {
                Clock.Leave();
                return error;
            }

            Assert.True(Context.TryTakeFetch(out Inode? inode));
            long began = Context.FetchBegan;
            WaitFor(inode.Fetches!);
            Clock.Resume(began);
        }
    }

    public Errno Stat(string path, out Stat stat, bool follow = true)
    {
        Stat result = default;
        Errno error = Do(() =>
        {
            Errno found = Context.Find(Context.Root, Bytes(path), follow, out Inode? inode);
            if (found == Errno.None)
            {
                inode!.GetAttributes(out result);
            }

            return found;
        });
        stat = result;
        return error;
    }

    public Stat Stat(string path)
    {
        Assert.Equal(Errno.None, Stat(path, out Stat stat));
        return stat;
    }

    public Inode Find(string path)
    {
        Inode? inode = null;
        Assert.Equal(Errno.None, Do(() => Context.Find(Context.Root, Bytes(path), false, out inode)));
        return inode!;
    }

    public Errno Open(string path, OpenFlags flags, out OpenFile? file, uint mode = 0x1A4)
    {
        OpenFile? opened = null;
        Errno error = Do(() => Context.Open(Context.Root, Bytes(path), flags, (Mode)mode, out opened), out PendingChange? change);
        if (error == Errno.None && change is not null)
        {
            error = Do(() => Context.OpenInode(change.Made!, flags, isNew: true, out opened));
        }

        file = opened;
        return error;
    }

    public OpenFile Open(string path, OpenFlags flags = OpenFlags.O_RDONLY)
    {
        Assert.Equal(Errno.None, Open(path, flags, out OpenFile? file));
        return file!;
    }

    public byte[] Read(OpenFile file, int count)
    {
        byte[] buffer = new byte[count];
        IoCursor cursor = IoCursor.OverKernel(buffer);
        Assert.Equal(Errno.None, Transfer(file, ref cursor, writes: false, out long moved));
        return buffer[..(int)moved];
    }

    public Errno TryRead(OpenFile file, int count)
    {
        IoCursor cursor = IoCursor.OverKernel(new byte[count]);
        return Transfer(file, ref cursor, writes: false, out _);
    }

    public byte[] ReadAll(string path)
    {
        OpenFile file = Open(path);
        MemoryStream all = new();
        for (byte[] piece = Read(file, 100_000); piece.Length != 0; piece = Read(file, 100_000))
        {
            all.Write(piece);
        }

        file.Release();
        return all.ToArray();
    }

    public void Write(OpenFile file, byte[] bytes)
    {
        Assert.Equal(Errno.None, TryWrite(file, bytes, out long moved));
        Assert.Equal(bytes.Length, moved);
    }

    public Errno TryWrite(OpenFile file, byte[] bytes, out long moved)
    {
        IoCursor cursor = IoCursor.OverKernel(bytes);
        return Transfer(file, ref cursor, writes: true, out moved);
    }

    public string[] List(string path)
    {
        OpenFile directory = Open(path, OpenFlags.O_DIRECTORY);
        List<string> names = [];
        while (TryNext(directory, out string name))
        {
            names.Add(name);
        }

        directory.Release();
        return [.. names];
    }

    public bool TryNext(OpenFile directory, out string name)
    {
        name = string.Empty;
        string found = string.Empty;
        Errno error = Do(() =>
        {
            if (directory.TryGetEntry(out DirectoryEntry entry, out long next))
            {
                found = Encoding.Latin1.GetString(entry.Name);
                directory.CommitEntries(next);
                return Errno.None;
            }

            if (directory.EntriesError == InternalErrno.MustWait)
            {
                Context.NoteFetch(directory.Inode);
            }

            return directory.EntriesError == Errno.None ? Errno.ENOENT : directory.EntriesError;
        });
        Assert.True(error is Errno.None or Errno.ENOENT, $"{error}");
        name = found;
        return error == Errno.None;
    }

    /// <summary>Lets everything come to its end that is under way.</summary>
    public void Settle()
    {
        RunAll();
        while (Server.InFlightCount != 0)
        {
            Server.Deliver();
            RunAll();
        }
    }

    public void WaitFor(PendingChange change)
    {
        RunAll();
        while (!change.IsOver)
        {
            Assert.NotEqual(0, Server.InFlightCount);
            Server.Deliver();
            RunAll();
        }
    }

    public void RunAll()
    {
        while (Executor.RunOne())
        {
        }
    }

    public void Dispose() => Server.Dispose();

    private void WaitFor(WaitQueue queue)
    {
        Listener listener = new();
        listener.Enlist(queue);
        RunAll();
        while (!listener.IsWoken)
        {
            Assert.NotEqual(0, Server.InFlightCount);
            Server.Deliver();
            RunAll();
        }

        listener.LeaveQueues();
    }

    private Errno Transfer(OpenFile file, ref IoCursor cursor, bool writes, out long moved)
    {
        moved = 0;
        long began = long.MaxValue;
        while (true)
        {
            Clock.Resume(began);
            IoResult result = writes ? file.Write(ref cursor) : file.Read(ref cursor);
            began = Clock.Leave();
            long step = cursor.Resume();
            moved += step;
            if (result.Error != InternalErrno.MustWait)
            {
                return moved != 0 ? Errno.None : result.Error;
            }

            if (file.TakeTransfer() is { } change)
            {
                WaitFor(change);
                file.TakeBack(step - change.Written);
                moved -= step - change.Written;
                if (change.Written < step || change.Result != Errno.None)
                {
                    return moved != 0 ? Errno.None : change.Result;
                }
            }
            else
            {
                WaitFor(file.Inode.Fetches!);
            }
        }
    }

    private sealed class Listener : WaitListener
    {
        public bool IsWoken { get; private set; }

        protected override void OnWake() => IsWoken = true;
    }
}

using System.Globalization;
using System.Text;
using Semitone.Abi;
using Semitone.Files;
using static Semitone.Abi.SyscallNumber;

namespace Semitone.Unit.Syscalls;

/// <summary>inotify(7): which events who gets, in Linux's order.</summary>
public sealed class InotifyTests
{
    private const InotifyMask All = InotifyMask.IN_ALL_EVENTS;
    private const OpenFlags New = OpenFlags.O_CREAT | OpenFlags.O_RDWR;

    private readonly Caller _caller = new();
    private ulong _instance;

    [Fact]
    public void File_UsedAndChanged_ItsDirectoryHearsOfItFirst() => Run(() =>
    {
        ulong file = _caller.Open("/d/f", New);
        Watch("/d", All);
        Watch("/d/f", All);
        _caller.Succeeds(write, file, Caller.Buffer, 3);
        _caller.Succeeds(pread64, file, Caller.Buffer, 3, 0);
        _caller.Succeeds(ftruncate, file, 1);
        _caller.Succeeds(fchmod, file, 0x180);
        _caller.Succeeds(close, file);
        Expect("1:MODIFY f", "2:MODIFY", "1:ACCESS f", "2:ACCESS", "1:MODIFY f", "2:MODIFY", "1:ATTRIB f", "2:ATTRIB",
            "1:CLOSE_WRITE f", "2:CLOSE_WRITE");
        _caller.Succeeds(close, _caller.Open("/d/f", OpenFlags.O_TRUNC));
        Expect("1:OPEN f", "2:OPEN", "1:MODIFY f", "2:MODIFY", "1:CLOSE_NOWRITE f", "2:CLOSE_NOWRITE");
    });

    [Fact]
    public void Names_MadeAndTakenAway_AreToldOf() => Run(() =>
    {
        Watch("/d", All);
        _caller.Succeeds(mkdir, _caller.Text("/d/sub"), 0x1ED);
        _caller.Succeeds(symlink, _caller.Text("x"), _caller.Text("/d/s"));
        _caller.Succeeds(mknod, _caller.Text("/d/f"), (ulong)Mode.S_IFREG | 0x180, 0);
        Expect("1:CREATE,ISDIR sub", "1:CREATE s", "1:CREATE f");
        Watch("/d/f", All);
        Watch("/d/sub", All);
        _caller.Succeeds(link, _caller.Text("/d/f"), _caller.Text("/d/g"));
        _caller.Succeeds(unlink, _caller.Text("/d/g"));
        _caller.Succeeds(unlink, _caller.Text("/d/f"));
        _caller.Succeeds(rmdir, _caller.Text("/d/sub"));
        Expect("2:ATTRIB", "1:CREATE g", "2:ATTRIB", "1:DELETE g", "2:ATTRIB", "2:DELETE_SELF", "2:IGNORED", "1:DELETE f",
            "3:DELETE_SELF", "3:IGNORED", "1:DELETE,ISDIR sub");
    });

    [Fact]
    public void Rename_BothDirectoriesAndTheFile_HearOfIt() => Run(() =>
    {
        _caller.Succeeds(close, _caller.Open("/d/f", New));
        _caller.Succeeds(close, _caller.Open("/d/g", New));
        _caller.Succeeds(mkdir, _caller.Text("/e"), 0x1ED);
        Watch("/d", All);
        Watch("/e", All);
        Watch("/d/f", All);
        Watch("/d/g", All);
        _caller.Succeeds(rename, _caller.Text("/d/f"), _caller.Text("/e/h"));
        Expect("1:MOVED_FROM f #1", "2:MOVED_TO h #1", "3:MOVE_SELF");
        _caller.Succeeds(rename, _caller.Text("/e/h"), _caller.Text("/d/g"));
        Expect("2:MOVED_FROM h #2", "1:MOVED_TO g #2", "4:ATTRIB", "3:MOVE_SELF", "4:DELETE_SELF", "4:IGNORED");
        _caller.Succeeds(close, _caller.Open("/e/k", New));
        Expect("2:CREATE k", "2:OPEN k", "2:CLOSE_WRITE k");
        _caller.Succeeds(renameat2, AtFdCwd, _caller.Text("/e/k"), AtFdCwd, _caller.Text("/d/g"), (ulong)RenameFlags.RENAME_EXCHANGE);
        Expect("2:MOVED_FROM k #3", "1:MOVED_TO g #3", "1:MOVED_FROM g #4", "2:MOVED_TO k #4", "3:MOVE_SELF");
    });

    [Fact]
    public void Unlink_OpenFile_EndsItsWatchWhenItIsClosed() => Run(() =>
    {
        ulong file = _caller.Open("/d/f", New);
        Watch("/d", All);
        Watch("/d/f", InotifyMask.IN_DELETE_SELF);
        _caller.Succeeds(unlink, _caller.Text("/d/f"));
        Expect("1:DELETE f");
        _caller.Succeeds(write, file, Caller.Buffer, 1);
        Expect("1:MODIFY f");
        Watch("/d", All | InotifyMask.IN_EXCL_UNLINK);
        _caller.Succeeds(write, file, Caller.Buffer, 1);
        _caller.Succeeds(close, file);
        Expect("2:DELETE_SELF", "2:IGNORED");
    });

    [Fact]
    public void Queue_EqualEventsInARow_AreOne() => Run(() =>
    {
        ulong file = _caller.Open("/d/f", New);
        Watch("/d", All);
        for (int i = 0; i < 5; i++)
        {
            _caller.Succeeds(write, file, Caller.Buffer, 1);
        }

        Expect("1:MODIFY f");
    });

    [Fact]
    public void Queue_Full_TellsOfWhatIsLost() => Run(() =>
    {
        FileWatches watches = _caller.Guest.System.Files.Watches;
        watches.MaxQueuedEvents = 3;
        Watch("/d", InotifyMask.IN_CREATE);
        for (int i = 0; i < 6; i++)
        {
            _caller.Succeeds(close, _caller.Open($"/d/{i}", New));
        }

        Expect("1:CREATE 0", "1:CREATE 1", "1:CREATE 2", "-1:Q_OVERFLOW");
        _caller.Succeeds(close, _caller.Open("/d/7", New));
        Expect("1:CREATE 7");
    });

    [Fact]
    public void Watch_OnceMore_ChangesItsMask() => Run(() =>
    {
        _caller.Succeeds(close, _caller.Open("/d/f", New));
        Assert.Equal(1, Watch("/d/f", InotifyMask.IN_OPEN));
        Assert.Equal(1, Watch("/d/f", InotifyMask.IN_CLOSE_WRITE | InotifyMask.IN_MASK_ADD));
        _caller.Succeeds(close, _caller.Open("/d/f", New));
        Expect("1:OPEN", "1:CLOSE_WRITE");
        Assert.Equal(1, Watch("/d/f", InotifyMask.IN_CLOSE_WRITE));
        _caller.Succeeds(close, _caller.Open("/d/f", New));
        Expect("1:CLOSE_WRITE");
        Fails(Errno.EEXIST, "/d/f", InotifyMask.IN_OPEN | InotifyMask.IN_MASK_CREATE);
        _caller.Succeeds(inotify_rm_watch, _instance, 1);
        Expect("1:IGNORED");
        Assert.Equal(2, Watch("/d/f", InotifyMask.IN_OPEN | InotifyMask.IN_ONESHOT));
        _caller.Succeeds(close, _caller.Open("/d/f"));
        _caller.Succeeds(close, _caller.Open("/d/f"));
        Expect("2:OPEN", "2:IGNORED");
    });

    [Fact]
    public void AddWatch_WrongArguments_AreRefused() => Run(() =>
    {
        _caller.Succeeds(close, _caller.Open("/d/f", New));
        Fails(Errno.EINVAL, "/d/f", InotifyMask.None);
        Fails(Errno.EINVAL, "/d/f", (InotifyMask)0x40_0000);
        Fails(Errno.ENOENT, "/nothing", All);
        Fails(Errno.ENOTDIR, "/d/f", All | InotifyMask.IN_ONLYDIR);
        Fails(Errno.EINVAL, "/d/f", All | InotifyMask.IN_MASK_ADD | InotifyMask.IN_MASK_CREATE);
        _caller.Fails(Errno.EBADF, inotify_add_watch, 77, _caller.Text("/d"), 1);
        _caller.Fails(Errno.EINVAL, inotify_rm_watch, _instance, 5);
        _caller.Fails(Errno.EINVAL, inotify_init1, 1);
        _caller.Guest.System.Files.Watches.MaxUserWatches = 1;
        Watch("/d", All);
        Fails(Errno.ENOSPC, "/d/f", All);
        _caller.Guest.System.Files.Watches.MaxUserInstances = 1;
        _caller.Fails(Errno.EMFILE, inotify_init1, 0);
    });

    [Fact]
    public void Close_Instance_LeavesNoWatch() => Run(() =>
    {
        Watch("/d", All);
        FileSystem fileSystem = _caller.Process.FileSystem.Root.FileSystem;
        Assert.Equal(1, fileSystem.WatchCount);
        _caller.Succeeds(close, _instance);
        Assert.Equal(0, fileSystem.WatchCount);
        _caller.Succeeds(close, _caller.Open("/d/f", New));
    });

    [Fact]
    public void Settings_AreFilesOfProc() => Run(() =>
    {
        Assert.Equal("16384\n", _caller.ReadFile("/proc/sys/fs/inotify/max_queued_events"));
        ulong file = _caller.Open("/proc/sys/fs/inotify/max_user_instances", OpenFlags.O_WRONLY);
        Assert.True(_caller.Guest.Memory.TryWrite<byte>(new UserPtr<byte>(Caller.Buffer), "7\n-1\n"u8));
        _caller.Succeeds(write, file, Caller.Buffer, 2);
        Assert.Equal("7\n", _caller.ReadFile("/proc/sys/fs/inotify/max_user_instances"));
    });

    private const ulong AtFdCwd = unchecked((ulong)-100);

    private void Run(Action program) => _caller.Run(_ =>
    {
        _caller.Succeeds(mkdir, _caller.Text("/d"), 0x1ED);
        _instance = (ulong)_caller.Succeeds(inotify_init1, (ulong)InotifyInitFlags.IN_NONBLOCK);
        program();
    });

    private long Watch(string path, InotifyMask mask) => _caller.Succeeds(inotify_add_watch, _instance, _caller.Text(path), (ulong)mask);

    private void Fails(Errno expected, string path, InotifyMask mask) =>
        _caller.Fails(expected, inotify_add_watch, _instance, _caller.Text(path), (ulong)mask);

    /// <summary>Reads all events: watch, what happened, name, cookie.</summary>
    private void Expect(params string[] expected)
    {
        _caller.Succeeds(ioctl, _instance, (ulong)IoctlRequest.FIONREAD, Caller.Buffer);
        int promised = _caller.Guest.Read<int>(Caller.Buffer);
        long length = Math.Max(0, _caller.Call(read, _instance, Caller.Buffer, 0x1000));
        Assert.Equal(promised, length);
        List<string> events = [];
        for (ulong at = Caller.Buffer; at < Caller.Buffer + (ulong)length;)
        {
            InotifyEvent found = _caller.Guest.Read<InotifyEvent>(at);
            string name = _caller.Read(at + 16, found.len).TrimEnd('\0');
            StringBuilder text = new();
            text.Append(CultureInfo.InvariantCulture, $"{found.wd}:{found.mask.ToString().Replace("IN_", "").Replace(" ", "")}");
            text.Append(name.Length == 0 ? "" : $" {name}");
            text.Append(found.cookie == 0 ? "" : $" #{found.cookie}");
            events.Add(text.ToString());
            at += 16 + found.len;
        }

        Assert.Equal(expected, events);
    }
}

using Semitone.Abi;
using Semitone.Unit.Tasks;
using static Semitone.Abi.SyscallNumber;

namespace Semitone.Unit.Syscalls;

/// <summary>POSIX message queues: priorities, limits, who waits, who is told.</summary>
public sealed class PosixMessageQueueTests
{
    private const ulong ReadWrite = (ulong)(OpenFlags.O_CREAT | OpenFlags.O_RDWR);
    private const ulong Attributes = Guest.Data + 0x800;
    private const ulong Text = Guest.Data + 0x900;
    private const ulong Name = Guest.Data + 0xA00;
    private const ulong Priority = Guest.Data + 0xB00;

    private readonly Caller _caller = new();
    private readonly Guest _guest = new();

    [Fact]
    public void Receive_SeveralMessages_HighestPriorityAndOldestFirst() => _caller.Run(c =>
    {
        ulong queue = Open(c, "q", 4, 16);
        Send(c, queue, "low", 1);
        Send(c, queue, "high", 7);
        Send(c, queue, "second", 7);
        Send(c, queue, "lowest", 0);
        c.Guest.Write(Attributes, new MqAttr { mq_flags = OpenFlags.O_NONBLOCK });
        c.Succeeds(mq_getsetattr, queue, Attributes, Attributes + 0x40);
        MqAttr told = c.Guest.Read<MqAttr>(Attributes + 0x40);
        Assert.Equal((4, 16, 4), (told.mq_maxmsg, told.mq_msgsize, told.mq_curmsgs));
        c.Fails(Errno.EAGAIN, mq_timedsend, queue, Text, 1, 0);
        foreach ((string text, uint priority) in ((string, uint)[])[("high", 7), ("second", 7), ("low", 1), ("lowest", 0)])
        {
            Assert.Equal(text.Length, c.Succeeds(mq_timedreceive, queue, Caller.Buffer, 16, Priority));
            Assert.Equal((text, priority), (c.Read(Caller.Buffer, text.Length), c.Guest.Read<uint>(Priority)));
        }

        c.Fails(Errno.EAGAIN, mq_timedreceive, queue, Caller.Buffer, 16, 0);
    });

    [Fact]
    public void Open_NamesAndLimits_AreChecked() => _caller.Run(c =>
    {
        c.Fails(Errno.ENOENT, mq_open, c.Text("q"), 0);
        c.Fails(Errno.EACCES, mq_open, c.Text("/q"), ReadWrite, 0x180);
        c.Fails(Errno.ENOENT, mq_open, c.Text(""), ReadWrite, 0x180);
        c.Guest.Write(Attributes, new MqAttr { mq_maxmsg = 70000, mq_msgsize = 1 });
        c.Fails(Errno.EINVAL, mq_open, c.Text("q"), ReadWrite, 0x180, Attributes);
        c.Guest.Write(Attributes, new MqAttr { mq_maxmsg = 1, mq_msgsize = 0 });
        c.Fails(Errno.EINVAL, mq_open, c.Text("q"), ReadWrite, 0x180, Attributes);
        c.Guest.Write(Attributes, new MqAttr { mq_maxmsg = 100, mq_msgsize = 8000 });
        c.Succeeds(close, (ulong)c.Succeeds(mq_open, c.Text("q"), ReadWrite, 0x180, Attributes));
        c.Fails(Errno.EMFILE, mq_open, c.Text("r"), ReadWrite, 0x180, Attributes);
        c.Fails(Errno.EEXIST, mq_open, c.Text("q"), ReadWrite | (ulong)OpenFlags.O_EXCL, 0x180);
        c.Succeeds(mq_unlink, c.Text("q"));
        c.Fails(Errno.ENOENT, mq_unlink, c.Text("q"));
        Assert.Equal(0, c.Guest.System.MessageQueues.QueueCount);
        Open(c, "r", 100, 8000);
        ulong queue = Open(c, "s", 2, 8);
        c.Fails(Errno.EMSGSIZE, mq_timedsend, queue, Text, 9, 0);
        c.Fails(Errno.EINVAL, mq_timedsend, queue, Text, 1, 32768);
        c.Fails(Errno.EMSGSIZE, mq_timedreceive, queue, Text, 7);
        c.Fails(Errno.EBADF, mq_timedsend, c.Open("/f", OpenFlags.O_CREAT | OpenFlags.O_RDWR), Text, 1, 0);
        Assert.Equal("10\n", c.ReadFile("/proc/sys/fs/mqueue/msg_max"));
    });

    [Fact]
    public void Notify_FirstMessage_SendsTheSignalOnce() => _caller.Run(c =>
    {
        ulong queue = Open(c, "q", 4, 16);
        c.Guest.Write(Attributes, SignalSet.Of(Signal.SIGUSR1));
        c.Succeeds(rt_sigprocmask, 0, Attributes, 0, 8);
        c.Guest.Write(Attributes, new SigEvent { sigev_signo = Signal.SIGUSR1, sigev_value = 77 });
        c.Succeeds(mq_notify, queue, Attributes);
        c.Fails(Errno.EBUSY, mq_notify, queue, Attributes);
        Send(c, queue, "a", 0);
        Send(c, queue, "b", 0);
        Assert.True(c.Guest.MainThread.TryTakeSignal(SignalSet.Of(Signal.SIGUSR1), out SigInfo info));
        Assert.Equal((SignalCode.SI_MESGQ, 77UL, 1), (info.si_code, info.si_value, info.si_pid));
        Assert.False(c.Guest.MainThread.TryTakeSignal(SignalSet.Of(Signal.SIGUSR1), out _));
        c.Succeeds(mq_notify, queue, Attributes);
        c.Succeeds(mq_notify, queue, 0);
        c.Succeeds(mq_notify, queue, Attributes);
        c.Succeeds(close, (ulong)c.Succeeds(dup, queue));
        c.Succeeds(mq_notify, queue, Attributes);
    });

    [Fact]
    public void Receive_Waits_GetsTheNextMessage()
    {
        ThreadScript? receiver = null;
        Prepare();
        _guest.MakeThread(child => receiver = child.Call(mq_timedreceive, 0, Text + 0x40, 16, Priority, 0));
        _guest.Main.Call(sched_yield).Call(mq_timedsend, 0, Text, 5, 3, 0)
            .Do(() => Assert.Equal(0, _guest.System.MessageQueues.TryGet("q"u8, out var queue) ? queue.Count : -1))
            .Call(sched_yield);
        _guest.Run();
        Assert.Equal([5], receiver!.Results);
    }

    [Fact]
    public void Send_Full_WaitsForRoomOrTheDeadline()
    {
        ThreadScript? sender = null;
        Prepare();
        _guest.Main.Call(mq_timedsend, 0, Text, 1, 0, 0).Call(mq_timedsend, 0, Text, 1, 0, 0)
            .Do(() => _guest.Write(Attributes, Timespec.FromNs(_guest.System.Clock.RealtimeNs + 1000)))
            .Call(mq_timedsend, 0, Text, 1, 0, Attributes);
        _guest.MakeThread(child => sender = child.Call(mq_timedsend, 0, Text, 2, 9, 0));
        _guest.Main.Call(sched_yield).Call(mq_timedreceive, 0, Text + 0x40, 16, 0, 0).Call(sched_yield)
            .Call(mq_timedreceive, 0, Text + 0x40, 16, Priority, 0);
        _guest.Run();
        Assert.Equal([0], sender!.Results);
        Assert.Equal(-(long)Errno.ETIMEDOUT, _guest.Main.Results[3]);
        Assert.Equal(2, _guest.Main.Results[^1]);
    }

    private static ulong Open(Caller caller, string name, long messages, long size)
    {
        caller.Guest.Write(Attributes, new MqAttr { mq_maxmsg = messages, mq_msgsize = size });
        return (ulong)caller.Succeeds(mq_open, caller.Text(name), ReadWrite, 0x180, Attributes);
    }

    private static void Send(Caller caller, ulong queue, string text, uint priority) =>
        caller.Succeeds(mq_timedsend, queue, caller.Text(text), (ulong)text.Length, priority);

    private void Prepare() => _guest.Main.Do(() =>
    {
        Assert.True(_guest.Memory.TryWrite<byte>(new UserPtr<byte>(Name), "q\0"u8));
        _guest.Write(Attributes, new MqAttr { mq_maxmsg = 2, mq_msgsize = 16 });
    }).Call(mq_open, Name, ReadWrite, 0x180, Attributes);
}

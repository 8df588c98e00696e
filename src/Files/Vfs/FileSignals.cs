using Semitone.Abi;
using Semitone.Core;

namespace Semitone.Files;

/// <summary>Who is to get an open file's signals, and which (F_SETOWN and F_SETSIG in fcntl(2)); and what sends them (O_ASYNC).</summary>
public sealed class FileSignals
{
    private Listener? _input;
    private Listener? _output;

    public OwnerType OwnerType { get; set; } = OwnerType.F_OWNER_PID;

    /// <summary>0 for nobody.</summary>
    public int OwnerId { get; set; }

    /// <summary>The real user of whoever set the owner: signals go where kill(2) would have let it send them.</summary>
    public uint RealUserId { get; set; }

    /// <summary>The effective user of whoever set the owner.</summary>
    public uint EffectiveUserId { get; set; }

    /// <summary>What is sent in place of SIGIO; none for SIGIO itself.</summary>
    public Signal Signal { get; set; }

    /// <summary>The descriptor by which O_ASYNC was set: the signal names it, whatever has become of it.</summary>
    public Fd Fd { get; private set; }

    /// <summary>Whether it sends signals. O_ASYNC that open(2) was given is no more than a flag.</summary>
    public bool IsStarted { get; private set; }

    /// <summary>Begins to send signals.</summary>
    /// <param name="input">Is woken when the file can be read, if it ever can.</param>
    /// <param name="output">Is woken when the file can be written to, if it ever can.</param>
    /// <returns>None, or ENOMEM.</returns>
    internal Errno Start(OpenFile file, Fd fd, WaitQueue? input, WaitQueue? output)
    {
        if (!KernelHeap.HasRoom())
        {
            return Errno.ENOMEM;
        }

        Fd = fd;
        IsStarted = true;
        _input = Listen(file, input, SignalCode.POLL_IN);
        _output = Listen(file, output, SignalCode.POLL_OUT);
        return Errno.None;
    }

    /// <summary>Sends no more.</summary>
    internal void Stop()
    {
        _input?.LeaveQueues();
        _output?.LeaveQueues();
        _input = null;
        _output = null;
        IsStarted = false;
    }

    private Listener? Listen(OpenFile file, WaitQueue? queue, int code)
    {
        if (queue is null)
        {
            return null;
        }

        Listener listener = new(this, file, code);
        listener.Enlist(queue);
        return listener;
    }

    /// <summary>Hears what happens at the file and sends the signal for it.</summary>
    private sealed class Listener(FileSignals signals, OpenFile file, int code) : WaitListener
    {
        protected override void OnWake()
        {
            if (signals.OwnerId != 0 && file.HasNews(code))
            {
                file.Inode.FileSystem.Services.SignalSender?.Send(signals, code);
            }
        }
    }
}

/// <summary>Sends the signals of files; implemented where processes are.</summary>
public interface IFileSignalSender
{
    /// <summary>
    /// Sends the owner its signal. Where there is no room for what would come with it, a plain SIGIO (fcntl(2), F_SETSIG).
    /// </summary>
    /// <param name="code">Why: POLL_IN or POLL_OUT (sigaction(2)).</param>
    /// <remarks>May be called in interrupt context.</remarks>
    [NonAllocating]
    void Send(FileSignals signals, int code);
}

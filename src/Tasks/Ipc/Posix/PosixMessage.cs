namespace Semitone.Tasks;

/// <summary>A message in a POSIX message queue.</summary>
public sealed class PosixMessage(byte[] data, uint priority)
{
    public byte[] Data { get; } = data;

    public uint Priority { get; } = priority;

    /// <summary>The next one to be received: of the same priority and later, or of a lower one.</summary>
    internal PosixMessage? Next { get; set; }
}

/// <summary>A call of mq_timedsend(2) or mq_timedreceive(2) that waits.</summary>
public sealed class PosixMessageWait(GuestThread thread, PosixMessage? message)
{
    public GuestThread Thread { get; } = thread;

    /// <summary>What is to be sent, or what was received.</summary>
    public PosixMessage? Message { get; set; } = message;

    /// <summary>Whether it stands in the queue's list: nobody has served it yet.</summary>
    public bool IsQueued { get; set; } = true;
}

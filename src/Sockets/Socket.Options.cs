using Semitone.Abi;

namespace Semitone.Sockets;

/// <content>Options that sockets of every family have (socket(7), "Socket options").</content>
public abstract partial class Socket
{
    /// <summary>How large a buffer is that nobody has asked about (net.core.wmem_default, rmem_default).</summary>
    internal const int DefaultBufferSize = 212_992;

    /// <summary>What a program may ask for at most (net.core.wmem_max, rmem_max); it gets twice that.</summary>
    internal const int MaximumBufferSize = 4 << 20;

    private const int MinimumSendBufferSize = 4608;
    private const int MinimumReceiveBufferSize = 2304;

    private OptionFlags _options;

    /// <summary>Bytes that may be on their way; twice what was asked for, as on Linux (SO_SNDBUF).</summary>
    public int SendBufferSize { get; private protected set; } = DefaultBufferSize;

    /// <summary>Bytes that may wait to be read (SO_RCVBUF).</summary>
    public int ReceiveBufferSize { get; private protected set; } = DefaultBufferSize;

    /// <summary>How long a receiving call waits (SO_RCVTIMEO).</summary>
    public long ReceiveTimeoutNs { get; internal set; } = long.MaxValue;

    /// <summary>How long a sending call waits, a connect and an accept (SO_SNDTIMEO).</summary>
    public long SendTimeoutNs { get; internal set; } = long.MaxValue;

    /// <summary>Bytes that a receiving call on a stream waits for (SO_RCVLOWAT); at least 1.</summary>
    public int ReceiveLowMark { get; private set; } = 1;

    /// <summary>Whether messages are to say who sent them (SO_PASSCRED).</summary>
    public bool PassesCredentials => HasOption(OptionFlags.PassCredentials);

    /// <summary>Seconds that a close waits (SO_LINGER).</summary>
    internal int LingerSeconds { get; set; }

    /// <summary>Stored and told: SO_PRIORITY, SO_MARK.</summary>
    internal int Priority { get; set; }

    internal int Mark { get; set; }

    internal bool HasOption(OptionFlags flag) => (_options & flag) != 0;

    internal void SetOption(OptionFlags flag, bool isOn)
    {
        _options = isOn ? _options | flag : _options & ~flag;
        OnOptionsChanged();
    }

    internal void SetReceiveLowMark(int count)
    {
        ReceiveLowMark = count;
        OnOptionsChanged();
    }

    /// <summary>Tells an option (getsockopt(2)).</summary>
    /// <param name="value">Room for it.</param>
    /// <param name="length">Bytes of the value.</param>
    public Errno GetOption(SocketLevel level, int name, Span<byte> value, out int length)
    {
        length = 0;
        return FindOptions(level, out OptionTable? table) == Errno.None
            ? table!.Get(this, name, value, out length)
            : Errno.EOPNOTSUPP;
    }

    /// <summary>Sets an option (setsockopt(2)).</summary>
    public Errno SetOption(SocketLevel level, int name, ReadOnlySpan<byte> value, ISocketCaller caller)
    {
        Errno error = FindOptions(level, out OptionTable? table);
        return error != Errno.None ? error : table!.Set(this, name, value, caller);
    }

    /// <summary>Sets the size of the buffer for sending.</summary>
    /// <param name="size">As the program asks for it.</param>
    /// <param name="limit">What it is cut to.</param>
    internal void SetSendBufferSize(int size, int limit)
    {
        SendBufferSize = Math.Max((int)Math.Min((uint)size, (uint)limit) * 2, MinimumSendBufferSize);
        OnSendBufferChanged();
        Writable.WakeAll();
    }

    internal void SetReceiveBufferSize(int size, int limit)
    {
        ReceiveBufferSize = Math.Max((int)Math.Min((uint)size, (uint)limit) * 2, MinimumReceiveBufferSize);
        OnReceiveBufferChanged();
    }

    /// <summary>Tells the family that a buffer has another size.</summary>
    private protected virtual void OnSendBufferChanged()
    {
    }

    private protected virtual void OnReceiveBufferChanged()
    {
    }

    /// <summary>Tells the family that an option that it may have to pass on was set.</summary>
    internal virtual void OnOptionsChanged()
    {
    }

    /// <summary>Finds the options of a level.</summary>
    /// <returns>None; EOPNOTSUPP or ENOPROTOOPT, by family, for a level that the socket has not.</returns>
    private protected virtual Errno FindOptions(SocketLevel level, out OptionTable? table)
    {
        table = level == SocketLevel.SOL_SOCKET ? SocketLevelOptions.Table : null;
        return table is null ? Errno.EOPNOTSUPP : Errno.None;
    }

    /// <summary>Takes what an accepted connection has from the socket that listened.</summary>
    internal void InheritOptions(Socket listener)
    {
        _options = listener._options;
        SendBufferSize = listener.SendBufferSize;
        ReceiveBufferSize = listener.ReceiveBufferSize;
        ReceiveTimeoutNs = listener.ReceiveTimeoutNs;
        SendTimeoutNs = listener.SendTimeoutNs;
        ReceiveLowMark = listener.ReceiveLowMark;
        LingerSeconds = listener.LingerSeconds;
        Priority = listener.Priority;
        Mark = listener.Mark;
    }
}

using Semitone.Abi;
using Semitone.Net;

namespace Semitone.Sockets;

/// <summary>What goes with the bytes of one message: addresses, flags, descriptors, credentials.</summary>
/// <remarks>Every thread has one and uses it for all its calls; it is filled anew for each.</remarks>
public sealed class SocketMessage
{
    /// <summary>The longest address (struct sockaddr_storage in socket(2)).</summary>
    public const int MaximumNameLength = 128;

    private const int MaximumControls = 4;
    private const int MaximumControlLength = 64;

    private readonly byte[] _name = new byte[MaximumNameLength];
    private readonly (SocketLevel Level, int Type, int Start, int Length)[] _controls = new (SocketLevel, int, int, int)[MaximumControls];
    private byte[]? _controlData;
    private int _controlLength;

    /// <summary>Flags of the call.</summary>
    public MessageFlags Flags { get; set; }

    /// <summary>What recvmsg(2) tells of the message.</summary>
    public MessageFlags Answer { get; set; }

    /// <summary>Room for an address: whom a message is for, or whom it is from.</summary>
    public Span<byte> NameBuffer => _name;

    /// <summary>Bytes of the address; 0 for none.</summary>
    public int NameLength { get; set; }

    public ReadOnlySpan<byte> Name => _name.AsSpan(0, Math.Min(NameLength, _name.Length));

    /// <summary>Open files that go along (SCM_RIGHTS): of this message until somebody takes them.</summary>
    public PassedFiles? Files { get; set; }

    /// <summary>Who the sender says it is (SCM_CREDENTIALS); null where it says nothing.</summary>
    public PeerCredentials? Credentials { get; set; }

    /// <summary>Who makes the call.</summary>
    public ISocketCaller? Caller { get; set; }

    /// <summary>Bytes of the datagram that was received, with those that found no room (MSG_TRUNC in recv(2)).</summary>
    public int WholeLength { get; set; }

    /// <summary>How a datagram is sent, where that is not as the socket's others (IP_PKTINFO in ip(7)).</summary>
    public DatagramTarget Target { get; set; }

    /// <summary>Control messages that the receiver is told.</summary>
    public int ControlCount { get; private set; }

    public bool IsPeek => (Flags & MessageFlags.MSG_PEEK) != 0;

    /// <summary>Forgets the last call's.</summary>
    public void Begin(MessageFlags flags, ISocketCaller? caller)
    {
        Flags = flags;
        Answer = MessageFlags.None;
        NameLength = 0;
        Files = null;
        Credentials = null;
        Caller = caller;
        WholeLength = 0;
        Target = default;
        ControlCount = 0;
        _controlLength = 0;
    }

    /// <summary>Adds a control message for the receiver; there is room for those of one datagram.</summary>
    public void AddControl(SocketLevel level, int type, ReadOnlySpan<byte> data)
    {
        _controlData ??= new byte[MaximumControls * MaximumControlLength];
        data.CopyTo(_controlData.AsSpan(_controlLength));
        _controls[ControlCount++] = (level, type, _controlLength, data.Length);
        _controlLength += data.Length;
    }

    /// <summary>Gets a control message for the receiver.</summary>
    public ReadOnlySpan<byte> GetControl(int index, out SocketLevel level, out int type)
    {
        (level, type, int start, int length) = _controls[index];
        return _controlData.AsSpan(start, length);
    }

    /// <summary>Notes an address.</summary>
    public void SetName(ReadOnlySpan<byte> name)
    {
        name.CopyTo(_name);
        NameLength = name.Length;
    }

    /// <summary>Closes the open files that nobody has taken.</summary>
    public void DropFiles()
    {
        PassedFiles? files = Files;
        Files = null;
        files?.Release();
    }
}

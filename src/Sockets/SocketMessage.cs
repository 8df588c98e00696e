using Semitone.Abi;

namespace Semitone.Sockets;

/// <summary>What goes with the bytes of one message: addresses, flags, descriptors, credentials.</summary>
/// <remarks>Every thread has one and uses it for all its calls; it is filled anew for each.</remarks>
public sealed class SocketMessage
{
    /// <summary>The longest address (struct sockaddr_storage in socket(2)).</summary>
    public const int MaximumNameLength = 128;

    private readonly byte[] _name = new byte[MaximumNameLength];

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

using Semitone.Abi;
using Semitone.Core;
using Semitone.HostLink;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>A pair of a master and a slave (pty(7)): what is written to one can be read from the other.</summary>
/// <remarks>
/// The slave is a <see cref="Terminal"/> like that of the console, with this as its line: what the master writes is typed there, and what
/// the slave puts out the master reads. It exists until nobody has either end open; without its master the slave is disconnected.
/// </remarks>
internal sealed class PseudoTerminal : TerminalLine
{
    /// <summary>What a pair takes of the kernel's memory, nearly.</summary>
    public const int HeapBytes = 40 << 10;

    /// <summary>What one end reads from directly in Linux; what lies behind it can be dropped by the other end.</summary>
    private const int ReadBuffer = 4095;

    private const int TypedCapacity = 8192;
    private const int ShownCapacity = 16384;
    private const int ChunkSize = 512;

    private readonly PtsFileSystem _fileSystem;
    private readonly ByteRing _typed = new(TypedCapacity);
    private readonly ByteRing _shown = new(ShownCapacity);
    private PacketStatus _status;
    private bool _isPumping;
    private int _slaveCount;

    public PseudoTerminal(PtsFileSystem fileSystem, int number)
    {
        _fileSystem = fileSystem;
        Number = number;
        Terminal = new Terminal(this, TerminalModes.OfSlave, default, SlaveNumber(number));
        Terminal.Session.Release();
        Terminal.Session.Owner = fileSystem.Services.TerminalOwner;
    }

    public int Number { get; }

    /// <summary>The slave.</summary>
    public Terminal Terminal { get; }

    /// <summary>The node of the slave; it loses its name with the master.</summary>
    public SlaveInode Node { get; internal set; } = null!;

    /// <summary>Whether the slave cannot be opened yet (TIOCSPTLCK).</summary>
    public bool IsLocked { get; set; } = true;

    /// <summary>Whether output that the master sends is stopped (TCXONC on the master).</summary>
    public bool IsMasterStopped { get; set; }

    public bool HasMaster { get; private set; } = true;

    /// <summary>Whether the slave was opened and nobody has it open any more.</summary>
    public bool IsSlaveClosed { get; private set; }

    /// <summary>Whether each read of the master begins with a byte that says what follows (TIOCPKT).</summary>
    public bool IsPacketMode
    {
        get;
        set
        {
            // What has happened before is nobody's news.
            _status = value && !field ? PacketStatus.TIOCPKT_DATA : _status;
            field = value;
        }
    }

    /// <summary>Whether there is something to tell in packet mode.</summary>
    public bool HasStatus => IsPacketMode && _status != PacketStatus.TIOCPKT_DATA;

    /// <summary>Bytes that the master can read.</summary>
    public int ShownCount => _shown.Count;

    /// <summary>Bytes that the master can write.</summary>
    public int TypedRoom => IsMasterStopped ? 0 : _typed.Room;

    /// <summary>Those who wait at the master for output of the slave.</summary>
    public WaitQueue Readable { get; } = new();

    /// <summary>Those who wait at the master for room.</summary>
    public WaitQueue Writable { get; } = new();

    internal override int OutputRoom => _shown.Room;

    /// <summary>Gets the number of a slave's device.</summary>
    public static DeviceNumber SlaveNumber(int number) => new(136, (uint)number);

    /// <inheritdoc/>
    public override void Write(LinkStream stream, ReadOnlySpan<byte> bytes)
    {
        if (HasMaster && !bytes.IsEmpty)
        {
            _shown.Add(bytes);
            Readable.WakeAll();
        }
    }

    /// <inheritdoc/>
    /// <remarks>The terminal asks for more from within what it is given: then the outer call goes on.</remarks>
    public override void TakeInput()
    {
        if (_isPumping)
        {
            return;
        }

        _isPumping = true;
        Span<byte> chunk = stackalloc byte[ChunkSize];
        bool hasMoved = false;
        int room;
        while (_typed.Count != 0 && (room = Terminal.InputRoom) > 0)
        {
            int count = _typed.Take(chunk[..Math.Min(room, ChunkSize)]);
            hasMoved = true;
            Terminal.Receive(chunk[..count]);
        }

        _isPumping = false;
        if (hasMoved)
        {
            Writable.WakeAll();
        }
    }

    /// <summary>Serves a read of the master.</summary>
    public IoResult ReadShown(ref IoCursor destination)
    {
        if (destination.Remaining == 0)
        {
            return 0;
        }

        if (HasStatus)
        {
            PacketStatus status = _status;
            if (destination.Write([(byte)status]) == 1)
            {
                _status &= ~status;
            }

            return destination.ToResult();
        }

        if (_shown.Count == 0)
        {
            return IsSlaveClosed ? Errno.EIO : Errno.EAGAIN;
        }

        if (IsPacketMode && destination.Write([(byte)PacketStatus.TIOCPKT_DATA]) == 0)
        {
            return destination.ToResult();
        }

        _shown.Drain(ref destination);
        Terminal.OnOutputRoom();
        return destination.ToResult();
    }

    /// <summary>Serves a write of the master: types at the slave.</summary>
    public IoResult Type(ref IoCursor source)
    {
        while (source.Remaining != 0 && !source.IsFaulted)
        {
            if (TypedRoom == 0)
            {
                return source.ToResult(Errno.EAGAIN);
            }

            _typed.Fill(ref source);
            TakeInput();
        }

        return source.ToResult();
    }

    /// <summary>Drops what the master has not read (TCIFLUSH on the master).</summary>
    public void DropShown()
    {
        _shown.Drop(Math.Min(_shown.Count, ReadBuffer));
        Terminal.OnOutputRoom();
    }

    /// <summary>Drops what was typed and the slave has no room for yet (TCOFLUSH on the master).</summary>
    public void DropTyped()
    {
        _typed.Truncate(0);
        Writable.WakeAll();
    }

    /// <summary>Opens the slave.</summary>
    public Errno OpenSlave(OpenFlags flags, out OpenFile? file)
    {
        file = null;
        return IsLocked || !HasMaster ? Errno.EIO : Terminal.Open(Node, flags, LinkStream.StandardOutput, out file);
    }

    /// <summary>The master is closed: the slave loses its name, and whoever has it the other end.</summary>
    public void CloseMaster()
    {
        HasMaster = false;
        _fileSystem.RemoveName(this);
        Terminal.Disconnect();
        ForgetIfUnused();
    }

    internal override void OnOpened()
    {
        _slaveCount++;
        IsSlaveClosed = false;
    }

    internal override void OnClosed()
    {
        if (--_slaveCount == 0)
        {
            IsSlaveClosed = true;
            Readable.WakeAll();
            Writable.WakeAll();
            ForgetIfUnused();
        }
    }

    internal override void OnFlow(bool isStopped) =>
        Tell(isStopped ? PacketStatus.TIOCPKT_STOP : PacketStatus.TIOCPKT_START, PacketStatus.TIOCPKT_STOP | PacketStatus.TIOCPKT_START);

    internal override void OnInputDropped() => Tell(PacketStatus.TIOCPKT_FLUSHREAD, PacketStatus.TIOCPKT_DATA);

    internal override void DropOutput()
    {
        _shown.Truncate(ReadBuffer);
        Tell(PacketStatus.TIOCPKT_FLUSHWRITE, PacketStatus.TIOCPKT_DATA);
    }

    /// <remarks>There is no line that bytes of another width could go over.</remarks>
    internal override void Restrict(ref Termios modes) =>
        modes.c_cflag = (modes.c_cflag & ~(TermiosControl.CSIZE | TermiosControl.PARENB)) | TermiosControl.CS8 | TermiosControl.CREAD;

    internal override void OnModesChanged(in Termios before, in Termios after)
    {
        // What a remote terminal has to know to stop output by itself, and to edit lines.
        bool isEditedElsewhere = ((before.c_lflag | after.c_lflag) & TermiosLocal.EXTPROC) != 0;
        bool stops = StopsAsUsual(in after);
        if (stops != StopsAsUsual(in before))
        {
            Tell(
                stops ? PacketStatus.TIOCPKT_DOSTOP : PacketStatus.TIOCPKT_NOSTOP,
                PacketStatus.TIOCPKT_DOSTOP | PacketStatus.TIOCPKT_NOSTOP);
        }

        if (isEditedElsewhere)
        {
            Tell(PacketStatus.TIOCPKT_IOCTL, PacketStatus.TIOCPKT_DATA);
        }
    }

    /// <summary>Whether output is stopped by ^S and goes on by ^Q.</summary>
    private static bool StopsAsUsual(in Termios modes) =>
        (modes.c_iflag & TermiosInput.IXON) != 0
        && modes.c_cc[ControlCharacter.VSTOP] == 0x13
        && modes.c_cc[ControlCharacter.VSTART] == 0x11;

    /// <summary>Notes what the master is to be told in packet mode.</summary>
    private void Tell(PacketStatus news, PacketStatus outdated)
    {
        if (IsPacketMode)
        {
            _status = (_status & ~outdated) | news;
            Readable.WakeAll();
        }
    }

    private void ForgetIfUnused()
    {
        if (!HasMaster && _slaveCount == 0)
        {
            _fileSystem.Forget(this);
        }
    }
}

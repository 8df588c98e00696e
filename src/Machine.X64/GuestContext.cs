using System.Buffers.Binary;
using Semitone.Abi;

namespace Semitone.Machine.X64;

/// <summary>One guest thread's registers, in a page of its own: the general ones first, the XSAVE area from byte 512.</summary>
internal sealed unsafe class GuestContext : IGuestContext
{
    private const int ExtendedOffset = 512;
    private const int SelectorCount = 4;
    private const int ControlWordOffset = 0;
    private const int MxcsrOffset = 24;
    private const int XmmOffset = 160;
    private const int LegacySize = 512;
    private const int HeaderSize = 64;
    private const int XmmBytes = 256;
    private const ushort InitialControlWord = 0x37F;
    private const uint MxcsrMask = 0xFFFF;
    private const ulong SseComponent = 2;

    /// <summary>
    /// Where the state of a disposed context is said to be: nothing is ever mapped there, so that using it is a fault of the kernel and no
    /// harm.
    /// </summary>
    private const ulong Nowhere = 0xFFFF_F000_0000_0000;

    private readonly X64Machine _machine;
    private readonly ulong _frame;

    internal GuestContext(X64Machine machine, ulong frame)
    {
        _machine = machine;
        _frame = frame;

        // SAFETY: the frame is this context's own until it is disposed; frames do not move.
        State = (GuestState*)machine.ToPointer(frame);
        ResetExtendedState();
    }

    void IGuestContext.BelongsToMachine()
    {
    }

    public ref GuestRegisters Registers => ref State->Registers;

    public ulong GsBase
    {
        get
        {
            _machine.X64Cpu.Flush(this);
            return State->GsBase;
        }

        set
        {
            // Loading any other would fault in ring 0 (Intel SDM Vol. 2B, WRGSBASE).
            ArgumentOutOfRangeException.ThrowIfNotEqual((long)(value << 16) >> 16, (long)value, nameof(value));
            _machine.X64Cpu.Flush(this);
            _machine.X64Cpu.Forget(this);
            State->GsBase = value;
        }
    }

    public void ResetSegments()
    {
        GsBase = 0;
        new Span<ushort>(State->Selectors, SelectorCount).Clear();
    }

    public int ExtendedStateSize => _machine.ExtendedStateSize;

    /// <summary>What Metal loads and stores.</summary>
    internal GuestState* State { get; private set; }

    internal void* ExtendedArea => (byte*)State + ExtendedOffset;

    private Span<byte> Extended => new(ExtendedArea, ExtendedStateSize);

    public void SaveExtendedState(Span<byte> destination)
    {
        _machine.X64Cpu.Flush(this);
        Extended.CopyTo(destination);
        new ReadOnlySpan<byte>(State->Xmm, XmmBytes).CopyTo(destination[XmmOffset..]);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[MxcsrOffset..], State->Mxcsr);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[(MxcsrOffset + 4)..], MxcsrMask);
        if (ExtendedStateSize > LegacySize)
        {
            ulong present = BinaryPrimitives.ReadUInt64LittleEndian(destination[LegacySize..]);
            BinaryPrimitives.WriteUInt64LittleEndian(destination[LegacySize..], present | SseComponent);
        }
    }

    public bool TryLoadExtendedState(ReadOnlySpan<byte> source)
    {
        if (source.Length != ExtendedStateSize
            || (BinaryPrimitives.ReadUInt32LittleEndian(source[MxcsrOffset..]) & ~MxcsrMask) != 0)
        {
            return false;
        }

        bool hasSse = true;
        if (ExtendedStateSize > LegacySize)
        {
            // What XRSTOR would fault on (Intel SDM Vol. 1, 13.8): unknown components, a compacted image, reserved bytes.
            ReadOnlySpan<byte> header = source.Slice(LegacySize, HeaderSize);
            ulong present = BinaryPrimitives.ReadUInt64LittleEndian(header);
            if ((present & ~_machine.EnabledComponents) != 0 || header[8..].ContainsAnyExcept((byte)0))
            {
                return false;
            }

            hasSse = (present & SseComponent) != 0;
        }

        _machine.X64Cpu.Flush(this);
        _machine.X64Cpu.Forget(this);
        source.CopyTo(Extended);
        State->Mxcsr = BinaryPrimitives.ReadUInt32LittleEndian(source[MxcsrOffset..]);
        Span<byte> xmm = new(State->Xmm, XmmBytes);
        if (hasSse)
        {
            source.Slice(XmmOffset, XmmBytes).CopyTo(xmm);
        }
        else
        {
            xmm.Clear();
        }

        return true;
    }

    public void ResetExtendedState()
    {
        _machine.X64Cpu.Flush(this);
        _machine.X64Cpu.Forget(this);
        Extended.Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(Extended[ControlWordOffset..], InitialControlWord);
        BinaryPrimitives.WriteUInt32LittleEndian(Extended[MxcsrOffset..], GuestState.InitialMxcsr);
        State->Mxcsr = GuestState.InitialMxcsr;
        new Span<byte>(State->Xmm, XmmBytes).Clear();
    }

    public void CopyFrom(IGuestContext other)
    {
        GuestContext source = (GuestContext)other;
        _machine.X64Cpu.Flush(source);
        _machine.X64Cpu.Forget(this);
        new ReadOnlySpan<byte>(source.State, Paging.PageSize).CopyTo(new Span<byte>(State, Paging.PageSize));
    }

    public void Dispose()
    {
        if ((ulong)State != Nowhere)
        {
            _machine.X64Cpu.Forget(this);
            _machine.ForgetGuest(State);
            State = (GuestState*)Nowhere;
            _machine.X64Cpu.Retire(_frame);
        }
    }
}

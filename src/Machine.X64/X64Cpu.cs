using System.Runtime.CompilerServices;
using Semitone.Abi;

namespace Semitone.Machine.X64;

/// <summary>The one processor: which address space and whose vector state it holds.</summary>
internal sealed unsafe class X64Cpu : ICpu
{
    private const byte GeneralProtection = 13;

    private readonly MetalDoor* _door;
    private readonly Clock _clock;
    private ulong _currentRoot;
    private GuestContext? _extendedOwner;
    private ulong _alarmTicks = ulong.MaxValue;

    internal X64Cpu(MetalDoor* door, Clock clock)
    {
        _door = door;
        _clock = clock;
        _currentRoot = door->KernelRoot;
    }

    public void Run(IGuestContext context, IPageTable pageTable, out Trap trap)
    {
        // SAFETY: there is one implementation of each interface in the image; a cast would cost every system call.
        GuestContext guest = Unsafe.As<GuestContext>(context);
        ulong root = Unsafe.As<PageTable>(pageTable).Root;
        if (root != _currentRoot)
        {
            Activate(root);
        }

        if (guest != _extendedOwner)
        {
            TakeExtendedState(guest);
        }

        GuestState* state = guest.State;
        if (state->Registers.Rip >= Paging.UserEnd)
        {
            // SYSRET to an address that is not canonical would fault in ring 0 with the guest's stack (AMD APM Vol. 2, 6.1.1;
            // Intel SDM Vol. 2B, SYSRET): the guest gets the fault instead.
            trap = new Trap(TrapKind.Exception, GeneralProtection, 0, 0);
            return;
        }

        uint kind = _door->EnterGuest(state);
        trap = new Trap((TrapKind)kind, (byte)state->Vector, (uint)state->Error, state->Cr2);
        if (kind == (uint)TrapKind.Interrupt && _alarmTicks != ulong.MaxValue)
        {
            Rearm();
        }
    }

    public void Idle() => _door->Idle();

    public void SetAlarm(long monotonicNs)
    {
        _alarmTicks = monotonicNs == long.MaxValue ? ulong.MaxValue : _clock.ToTicks(monotonicNs);
        _door->SetAlarm(_alarmTicks);
    }

    /// <summary>Makes an address space current, so that its memory can be reached and its translations need flushing.</summary>
    internal void Activate(ulong root)
    {
        if (root != _currentRoot)
        {
            _currentRoot = root;
            _door->WriteCr3(root);
        }
    }

    /// <summary>Leaves an address space that is about to go away.</summary>
    internal void Abandon(ulong root)
    {
        if (root == _currentRoot)
        {
            Activate(_door->KernelRoot);
        }
    }

    /// <summary>Drops the translation of one page, if this CPU may hold it.</summary>
    internal void InvalidatePage(ulong root, ulong address)
    {
        if (root == _currentRoot)
        {
            _door->InvalidatePage(address);
        }
    }

    /// <summary>Drops every translation of an address space, if this CPU may hold any.</summary>
    internal void InvalidateAll(ulong root)
    {
        if (root == _currentRoot)
        {
            _door->WriteCr3(root);
        }
    }

    /// <summary>Writes a context's extended state to its memory if this CPU still holds it.</summary>
    internal void Flush(GuestContext context)
    {
        if (_extendedOwner == context)
        {
            _door->SaveExtendedState(context.ExtendedArea);
        }
    }

    /// <summary>Makes sure that what memory holds is what the context next runs with.</summary>
    internal void Forget(GuestContext context)
    {
        if (_extendedOwner == context)
        {
            _extendedOwner = null;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void TakeExtendedState(GuestContext context)
    {
        GuestContext? owner = _extendedOwner;
        _door->SwitchExtendedState(owner == null ? null : owner.ExtendedArea, context.ExtendedArea);
        _extendedOwner = context;
    }

    /// <summary>Sets the timer again when it fired ahead of the alarm: it counts with another clock than the TSC.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Rearm()
    {
        if (_door->ReadTsc() < _alarmTicks)
        {
            _door->SetAlarm(_alarmTicks);
        }
    }
}

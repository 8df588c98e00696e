using System.Runtime.CompilerServices;
using Semitone.Abi;

namespace Semitone.Machine.X64;

/// <summary>The one processor: which address space and whose vector state it holds.</summary>
internal sealed unsafe class X64Cpu : ICpu
{
    private const byte DebugException = 1;
    private const byte GeneralProtection = 13;
    private const byte PageFault = 14;

    private readonly MetalDoor* _door;
    private readonly FrameTable _frames;
    private readonly Clock _clock;
    private ulong _currentRoot;
    private GuestContext? _owner;

    // Frames of contexts that were disposed: a list through their first words, 0 at the end.
    private ulong _retired;

    internal X64Cpu(MetalDoor* door, FrameTable frames, Clock clock)
    {
        _door = door;
        _frames = frames;
        _clock = clock;
        _currentRoot = door->KernelRoot;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TrapKind Run(IGuestContext context, IPageTable pageTable)
    {
        // SAFETY: there is one implementation of each interface in the image; a cast would cost every system call.
        GuestContext guest = Unsafe.As<GuestContext>(context);
        ulong root = Unsafe.As<PageTable>(pageTable).Root;
        if (root != _currentRoot || guest != _owner)
        {
            Switch(guest, root);
        }

        GuestState* state = guest.State;
        return state->Registers.Rip < Paging.UserEnd ? (TrapKind)_door->EnterGuest(state) : RefuseAddress(state);
    }

    public Trap LastTrap
    {
        get
        {
            GuestState* state = _owner!.State;
            TrapKind kind = state->Vector == PageFault ? TrapKind.PageFault : TrapKind.Exception;
            return new Trap(kind, (byte)state->Vector, (uint)state->Error, state->Cr2)
            {
                DebugStatus = state->Vector == DebugException ? state->DebugStatus : 0,
            };
        }
    }

    public bool TryAllowSupervisorAccess() => _door->LiftSmap() != 0;

    public void Idle()
    {
        if (_retired != 0)
        {
            ReturnRetired();
        }

        _door->Idle();
    }

    public void SetAlarm(long monotonicNs) =>
        _door->SetAlarm(monotonicNs == long.MaxValue ? Clock.Never : _clock.ToTicks(monotonicNs));

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

    /// <summary>Writes what this CPU alone holds of a context to its memory: the extended state, the selectors and the GS base.</summary>
    internal void Flush(GuestContext context)
    {
        if (_owner == context)
        {
            _door->SaveExtendedState(context.ExtendedArea);
            _door->SwitchSelectors(context.State->Selectors, context.State->Selectors);
            context.State->GsBase = _door->ReadGuestGsBase();
        }
    }

    /// <summary>Makes sure that what memory holds is what the context next runs with.</summary>
    internal void Forget(GuestContext context)
    {
        if (_owner == context)
        {
            _owner = null;
        }
    }

    /// <summary>Takes the frame of a context that was disposed.</summary>
    /// <remarks>A caller may still have a reference to its registers on the stack, so the frame must not become anything else yet.
    /// Whoever calls Run or Idle has none, and a disposed context no longer owns the CPU: the next Run goes through
    /// <see cref="Switch"/>.</remarks>
    internal void Retire(ulong frame)
    {
        // SAFETY: it is a context's frame as before.
        *(ulong*)(_door->DirectMap + frame) = _retired;
        _retired = frame;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ReturnRetired()
    {
        while (_retired != 0)
        {
            // SAFETY: Retire made the list, of frames that nobody else has.
            ulong frame = _retired;
            _retired = *(ulong*)(_door->DirectMap + frame);
            _frames.Return(frame);
        }
    }

    /// <summary>
    /// SYSRET to an address that is not canonical would fault in ring 0 with the guest's stack (Intel SDM Vol. 2B, SYSRET): the guest gets
    /// the fault instead.
    /// </summary>
    private static TrapKind RefuseAddress(GuestState* state)
    {
        state->Vector = GeneralProtection;
        state->Error = 0;
        return TrapKind.Exception;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Switch(GuestContext guest, ulong root)
    {
        if (_retired != 0)
        {
            ReturnRetired();
        }

        Activate(root);
        GuestContext? owner = _owner;
        if (owner == guest)
        {
            return;
        }

        if (owner != null)
        {
            owner.State->GsBase = _door->ReadGuestGsBase();
        }

        _door->SwitchExtendedState(owner == null ? null : owner.ExtendedArea, guest.ExtendedArea);
        _door->SwitchSelectors(owner == null ? null : owner.State->Selectors, guest.State->Selectors);
        _door->WriteGuestGsBase(guest.State->GsBase);
        _owner = guest;
    }
}

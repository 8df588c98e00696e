using Semitone.Abi;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>capget(2), capset(2) and the options of prctl(2) about capabilities (capabilities(7)).</summary>
public static class CapabilitySyscalls
{
    private const SecureBits Locks =
        SecureBits.SECBIT_NOROOT_LOCKED | SecureBits.SECBIT_NO_SETUID_FIXUP_LOCKED
        | SecureBits.SECBIT_KEEP_CAPS_LOCKED | SecureBits.SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

    private const SecureBits KnownBits =
        Locks | SecureBits.SECBIT_NOROOT | SecureBits.SECBIT_NO_SETUID_FIXUP
        | SecureBits.SECBIT_KEEP_CAPS | SecureBits.SECBIT_NO_CAP_AMBIENT_RAISE;

    [Syscall(125, "capget")]
    public static SysResult GetCapabilities(
        SyscallContext context, [Trace(TraceFormat.Address)] ulong header, [Trace(TraceFormat.Address)] ulong data)
    {
        Errno error = ReadHeader(context, header, out int words, out int pid);
        if (error != Errno.None)
        {
            // Whoever asks for the version to use has no data yet (capget(2)).
            return data == 0 && error == Errno.EINVAL ? SysResult.Success : error;
        }

        if (pid < 0)
        {
            return Errno.EINVAL;
        }

        GuestThread? thread = context.Thread;
        if (pid != 0 && !context.System.Threads.TryGet(pid, out thread))
        {
            return Errno.ESRCH;
        }

        if (data == 0)
        {
            return SysResult.Success;
        }

        // Effective, permitted, inheritable; twice that since version 2, the higher halves behind the lower ones.
        Credentials credentials = thread.Credentials;
        Span<uint> values =
        [
            Low(credentials.Effective), Low(credentials.Permitted), Low(credentials.Inheritable),
            High(credentials.Effective), High(credentials.Permitted), High(credentials.Inheritable),
        ];
        return context.Memory.TryWrite(new UserPtr<uint>(data), (ReadOnlySpan<uint>)values[..(3 * words)])
            ? SysResult.Success : Errno.EFAULT;
    }

    [Syscall(126, "capset")]
    public static SysResult SetCapabilities(
        SyscallContext context, [Trace(TraceFormat.Address)] ulong header, [Trace(TraceFormat.Address)] ulong data)
    {
        Errno error = ReadHeader(context, header, out int words, out int pid);
        if (error != Errno.None)
        {
            return error;
        }

        if (pid != 0 && pid != context.ThreadId)
        {
            return Errno.EPERM;
        }

        Span<uint> values = stackalloc uint[6];
        values.Clear();
        if (!context.Memory.TryRead(new UserPtr<uint>(data), values[..(3 * words)]))
        {
            return Errno.EFAULT;
        }

        Credentials current = context.Thread.Credentials;
        CapabilitySet effective = Join(values[0], values[3]);
        CapabilitySet permitted = Join(values[1], values[4]);
        CapabilitySet inheritable = Join(values[2], values[5]);
        bool mayInherit = current.Has(Capability.CAP_SETPCAP) || inheritable.IsSubsetOf(current.Inheritable | current.Permitted);
        if (!mayInherit
            || !inheritable.IsSubsetOf(current.Inheritable | current.Bounding)
            || !permitted.IsSubsetOf(current.Permitted)
            || !effective.IsSubsetOf(permitted))
        {
            return Errno.EPERM;
        }

        context.Thread.SetCredentials(current with
        {
            Effective = effective,
            Permitted = permitted,
            Inheritable = inheritable,
            Ambient = current.Ambient & permitted & inheritable,
        });
        return SysResult.Success;
    }

    internal static SysResult ReadBounding(SyscallContext context, ulong number)
    {
        if (!TryGet(number, out Capability capability))
        {
            return Errno.EINVAL;
        }

        return context.Thread.Credentials.Bounding.Contains(capability) ? 1 : 0;
    }

    internal static SysResult DropBounding(SyscallContext context, ulong number)
    {
        Credentials current = context.Thread.Credentials;
        if (!current.Has(Capability.CAP_SETPCAP))
        {
            return Errno.EPERM;
        }

        if (!TryGet(number, out Capability capability))
        {
            return Errno.EINVAL;
        }

        context.Thread.SetCredentials(current with { Bounding = current.Bounding & ~CapabilitySet.Of(capability) });
        return SysResult.Success;
    }

    internal static SysResult ControlAmbient(SyscallContext context, AmbientOperation operation, ulong number, ulong unused1, ulong unused2)
    {
        Credentials current = context.Thread.Credentials;
        if (operation == AmbientOperation.PR_CAP_AMBIENT_CLEAR_ALL)
        {
            if ((number | unused1 | unused2) != 0)
            {
                return Errno.EINVAL;
            }

            context.Thread.SetCredentials(current with { Ambient = CapabilitySet.Empty });
            return SysResult.Success;
        }

        if (!TryGet(number, out Capability capability) || (unused1 | unused2) != 0)
        {
            return Errno.EINVAL;
        }

        switch (operation)
        {
            case AmbientOperation.PR_CAP_AMBIENT_IS_SET:
                return current.Ambient.Contains(capability) ? 1 : 0;
            case AmbientOperation.PR_CAP_AMBIENT_RAISE:
                bool mayRaise = (current.Permitted & current.Inheritable).Contains(capability)
                    && (current.SecureBits & SecureBits.SECBIT_NO_CAP_AMBIENT_RAISE) == 0;
                if (!mayRaise)
                {
                    return Errno.EPERM;
                }

                context.Thread.SetCredentials(current with { Ambient = current.Ambient | CapabilitySet.Of(capability) });
                return SysResult.Success;
            case AmbientOperation.PR_CAP_AMBIENT_LOWER:
                context.Thread.SetCredentials(current with { Ambient = current.Ambient & ~CapabilitySet.Of(capability) });
                return SysResult.Success;
            default:
                return Errno.EINVAL;
        }
    }

    internal static SysResult SetKeepCapabilities(SyscallContext context, ulong isOn)
    {
        if (isOn > 1)
        {
            return Errno.EINVAL;
        }

        Credentials current = context.Thread.Credentials;
        if ((current.SecureBits & SecureBits.SECBIT_KEEP_CAPS_LOCKED) != 0)
        {
            return Errno.EPERM;
        }

        SecureBits others = current.SecureBits & ~SecureBits.SECBIT_KEEP_CAPS;
        context.Thread.SetCredentials(current with { SecureBits = isOn != 0 ? others | SecureBits.SECBIT_KEEP_CAPS : others });
        return SysResult.Success;
    }

    internal static SysResult SetSecureBits(SyscallContext context, ulong value)
    {
        Credentials current = context.Thread.Credentials;
        SecureBits locked = current.SecureBits & Locks;
        SecureBits wanted = (SecureBits)value;

        // A lock stays, and what it locks stays as it is.
        bool changesLocked = ((SecureBits)((uint)locked >> 1) & (current.SecureBits ^ wanted)) != 0 || (locked & ~wanted) != 0;
        if (changesLocked || (value & ~(ulong)KnownBits) != 0 || !current.Has(Capability.CAP_SETPCAP))
        {
            return Errno.EPERM;
        }

        context.Thread.SetCredentials(current with { SecureBits = wanted });
        return SysResult.Success;
    }

    private static bool TryGet(ulong number, out Capability capability)
    {
        capability = (Capability)number;
        return number <= CapabilitySet.Last;
    }

    private static uint Low(CapabilitySet set) => (uint)set.Bits;

    private static uint High(CapabilitySet set) => (uint)(set.Bits >> 32);

    /// <summary>Puts halves together; bits that stand for nothing are dropped, as Linux does it.</summary>
    private static CapabilitySet Join(uint low, uint high) => new CapabilitySet(low | ((ulong)high << 32)) & CapabilitySet.All;

    /// <summary>Reads and checks the header; an unknown version is answered with the one to use.</summary>
    private static Errno ReadHeader(SyscallContext context, ulong header, out int words, out int pid)
    {
        const uint Version1 = 0x1998_0330;
        const uint Version2 = 0x2007_1026;
        const uint Version3 = 0x2008_0522;
        words = 0;
        pid = 0;
        UserPtr<uint> version = new(header);
        if (!context.Memory.TryRead(version, out uint wanted))
        {
            return Errno.EFAULT;
        }

        switch (wanted)
        {
            case Version1:
                words = 1;
                break;
            case Version2:
            case Version3:
                words = 2;
                break;
            default:
                return context.Memory.TryWrite(version, Version3) ? Errno.EINVAL : Errno.EFAULT;
        }

        return context.Memory.TryRead(new UserPtr<int>(header + sizeof(uint)), out pid) ? Errno.None : Errno.EFAULT;
    }
}

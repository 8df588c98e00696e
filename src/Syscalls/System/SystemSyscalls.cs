using System.Buffers.Text;
using Semitone.Abi;
using Semitone.Machine;
using Semitone.Memory;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>What the system is and has, and what a thread may set about itself.</summary>
public static class SystemSyscalls
{
    [Syscall(63, "uname")]
    public static SysResult Uname(SyscallContext context, [Out] UserPtr<UtsName> name)
    {
        UtsName value = default;
        SystemIdentity.SystemName.CopyTo(value.sysname);
        context.System.HostName.CopyTo((Span<byte>)value.nodename);
        Persona persona = context.Process.Persona;
        CopyRelease(value.release, persona);
        SystemIdentity.Version.CopyTo(value.version);
        ((persona & Persona.PER_MASK) == Persona.PER_LINUX32 ? "i686"u8 : SystemIdentity.Hardware).CopyTo(value.machine);
        context.System.DomainName.CopyTo((Span<byte>)value.domainname);
        return context.Memory.TryWriteFrom(name, in value) ? SysResult.Success : Errno.EFAULT;
    }

    [Syscall(170, "sethostname")]
    public static SysResult SetHostName(SyscallContext context, UserPtr<byte> name, nuint length)
    {
        Errno error = ReadName(context, name, length, out byte[] value);
        if (error == Errno.None)
        {
            context.System.HostName = value;
        }

        return error;
    }

    [Syscall(171, "setdomainname")]
    public static SysResult SetDomainName(SyscallContext context, UserPtr<byte> name, nuint length)
    {
        Errno error = ReadName(context, name, length, out byte[] value);
        if (error == Errno.None)
        {
            context.System.DomainName = value;
        }

        return error;
    }

    [Syscall(99, "sysinfo")]
    public static SysResult Sysinfo(SyscallContext context, [Out] UserPtr<SysInfo> info)
    {
        FramePool frames = context.System.Frames;
        SysInfo value = new()
        {
            uptime = context.System.Clock.MonotonicNs / TimeUnits.NsPerSecond,
            totalram = (ulong)frames.TotalCount * Paging.PageSize,
            freeram = (ulong)frames.FreeCount * Paging.PageSize,
            procs = (ushort)Math.Min(ushort.MaxValue, context.System.Threads.Count),
            mem_unit = 1,
        };
        return context.Memory.TryWriteFrom(info, in value) ? SysResult.Success : Errno.EFAULT;
    }

    [Syscall(158, "arch_prctl")]
    public static SysResult ArchPrctl(SyscallContext context, ArchPrctlCode code, [Trace(TraceFormat.Address)] ulong address)
    {
        ref GuestRegisters registers = ref context.Thread.Registers;
        switch (code)
        {
            case ArchPrctlCode.ARCH_SET_FS:
                if (address >= Paging.UserEnd)
                {
                    return Errno.EPERM;
                }

                registers.FsBase = address;
                return SysResult.Success;
            case ArchPrctlCode.ARCH_SET_GS:
                if (address >= Paging.UserEnd)
                {
                    return Errno.EPERM;
                }

                context.Thread.Context.GsBase = address;
                return SysResult.Success;
            case ArchPrctlCode.ARCH_GET_FS:
                return context.Memory.TryWrite(new UserPtr<ulong>(address), registers.FsBase) ? SysResult.Success : Errno.EFAULT;
            case ArchPrctlCode.ARCH_GET_GS:
                return context.Memory.TryWrite(new UserPtr<ulong>(address), context.Thread.Context.GsBase)
                    ? SysResult.Success
                    : Errno.EFAULT;
            case ArchPrctlCode.ARCH_GET_CPUID:
                return 1;
            default:
                return Errno.EINVAL;
        }
    }

    /// <summary>
    /// Tells the release; with UNAME26 as a version of the 2.6 series, in which 3.0 would have been the fortieth (uname(2)).
    /// </summary>
    private static void CopyRelease(Span<byte> destination, Persona persona)
    {
        ReadOnlySpan<byte> release = SystemIdentity.Release;
        if ((persona & Persona.UNAME26) == 0)
        {
            release.CopyTo(destination);
            return;
        }

        const int FirstOfSeries6 = 60;
        int minor = release.IndexOf((byte)'.') + 1;
        _ = Utf8Parser.TryParse(release[minor..], out int patchLevel, out _);
        ReadOnlySpan<byte> rest = release[release.IndexOfAnyExcept("0123456789."u8)..];
        "2.6."u8.CopyTo(destination);
        Utf8Formatter.TryFormat(FirstOfSeries6 + patchLevel, destination["2.6."u8.Length..], out int length);
        rest.CopyTo(destination[("2.6."u8.Length + length)..]);
    }

    private static Errno ReadName(SyscallContext context, UserPtr<byte> name, nuint length, out byte[] value)
    {
        value = [];
        if (!context.Thread.Credentials.Has(Capability.CAP_SYS_ADMIN))
        {
            return Errno.EPERM;
        }

        if (length >= UtsNameField.Length)
        {
            return Errno.EINVAL;
        }

        value = new byte[(int)length];
        return context.Memory.CopyIn(name.Address, value) == value.Length ? Errno.None : Errno.EFAULT;
    }
}

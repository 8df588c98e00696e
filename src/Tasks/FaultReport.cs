using Semitone.Abi;
using Semitone.Core;
using Semitone.Machine;
using Semitone.Memory;

namespace Semitone.Tasks;

/// <summary>The one line that says why a program died of an exception of the CPU.</summary>
internal static class FaultReport
{
    /// <summary>Writes for instance <c>hello[1]: segmentation fault: write to 0x10 at rip 0x401136 (hello+0x1136)</c>.</summary>
    public static void Write(GuestThread thread, in SigInfo info, in FaultRecord fault)
    {
        KernelLog log = thread.Process.System.Log;
        string what = info.si_signo switch
        {
            Signal.SIGSEGV => "segmentation fault",
            Signal.SIGBUS => "bus error",
            Signal.SIGFPE => info.si_code switch
            {
                SignalCode.FPE_INTDIV => "integer division by zero",
                SignalCode.FPE_FLTDIV => "floating-point division by zero",
                _ => "floating-point exception",
            },
            Signal.SIGILL => "illegal instruction",
            Signal.SIGTRAP => "trap",
            _ => "bad system call",
        };
        string access = GetAccess(in fault);
        ReadOnlySpan<byte> module = FindModule(thread.Process.AddressSpace, fault.Rip, out ulong offset);
        bool hasAddress = access.Length > 0;
        ulong address = fault.Trap.Address;
        ReadOnlySpan<byte> name = thread.Name.Bytes;
        if (hasAddress && module.Length > 0)
        {
            log.Error($"{name}[{thread.Tid}]: {what}: {access} 0x{address:x} at rip 0x{fault.Rip:x} ({module}+0x{offset:x})");
        }
        else if (hasAddress)
        {
            log.Error($"{name}[{thread.Tid}]: {what}: {access} 0x{address:x} at rip 0x{fault.Rip:x}");
        }
        else if (module.Length > 0)
        {
            log.Error($"{name}[{thread.Tid}]: {what}{GetDetail(in fault)} at rip 0x{fault.Rip:x} ({module}+0x{offset:x})");
        }
        else
        {
            log.Error($"{name}[{thread.Tid}]: {what}{GetDetail(in fault)} at rip 0x{fault.Rip:x}");
        }
    }

    private static string GetAccess(in FaultRecord fault)
    {
        if (fault.Trap.Kind != TrapKind.PageFault)
        {
            return string.Empty;
        }

        return fault.Trap.PageFault switch
        {
            PageFaultFlags flags when (flags & PageFaultFlags.InstructionFetch) != 0 => "execution of",
            PageFaultFlags flags when (flags & PageFaultFlags.Write) != 0 => "write to",
            _ => "read of",
        };
    }

    private static string GetDetail(in FaultRecord fault) => fault.Trap switch
    {
        { Kind: TrapKind.Exception, Vector: CpuException.GeneralProtection } => ": privileged instruction or bad address",
        { Kind: TrapKind.Exception, Vector: CpuException.StackSegment } => ": bad stack address",
        { Kind: TrapKind.SystemCall } => ": no room for a signal frame, or one that cannot be returned from",
        _ => string.Empty,
    };

    /// <summary>Finds the file whose mapping holds an address.</summary>
    /// <param name="offset">The address relative to the first mapping of that file, which is what a debugger calls it in a
    /// position-independent program.</param>
    /// <returns>The file's last path component, or nothing.</returns>
    private static ReadOnlySpan<byte> FindModule(AddressSpace space, ulong address, out ulong offset)
    {
        offset = 0;
        Vma? holder = space.FindVma(address);
        if (holder?.Object?.File is not { } file)
        {
            return default;
        }

        foreach (Vma vma in space.Vmas)
        {
            if (vma.Object == holder.Object)
            {
                offset = address - (vma.Start - vma.ObjectOffset);
                break;
            }
        }

        return GetLastComponent(file);
    }

    private static byte[] GetLastComponent(IMappedFile file)
    {
        string path = file.Path;
        return global::System.Text.Encoding.UTF8.GetBytes(path[(path.LastIndexOf('/') + 1)..]);
    }
}

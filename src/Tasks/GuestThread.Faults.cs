using Semitone.Abi;
using Semitone.Core;
using Semitone.Machine;
using Semitone.Memory;

namespace Semitone.Tasks;

/// <summary>The part of a thread that has to do with page faults, and with exceptions of the kernel that serves it.</summary>
public sealed partial class GuestThread
{
    /// <summary>
    /// How often in a row an instruction may fault on pages that are there and allow it, before that is its end and not a loop without one.
    /// </summary>
    private const int MaxUnchangedFaults = 64;

    private ulong _unchangedFaultRip;
    private int _unchangedFaultCount;
    private long _minorFaultCount;

    /// <summary>What it has used so far besides time.</summary>
    public TaskUsage Usage => new()
    {
        MinorFaults = _minorFaultCount,
        MajorFaults = MajorFaultCount,
        VoluntarySwitches = VoluntarySwitchCount,
        InvoluntarySwitches = InvoluntarySwitchCount,
    };

    private void HandlePageFault(in Trap trap)
    {
        if ((trap.PageFault & PageFaultFlags.ReservedBit) != 0)
        {
            throw new InvalidOperationException($"The page table entry of 0x{trap.Address:x} has reserved bits set.");
        }

        switch (Process.AddressSpace.HandleFault(trap.Address, trap.PageFault))
        {
            case FaultResult.Resolved:
                _unchangedFaultCount = 0;
                _minorFaultCount++;
                break;
            case FaultResult.Unchanged:
                if (!CanRetryUnchanged(in trap))
                {
                    RaiseFault(in trap, Signal.SIGSEGV, SignalCode.SEGV_ACCERR, trap.Address);
                }

                break;
            case FaultResult.MapError:
                // As Linux: which of the kernel's pages are there is not for programs to know.
                Trap told = trap.Address < Paging.UserEnd ? trap : trap with { ErrorCode = trap.ErrorCode | (uint)PageFaultFlags.Present };
                RaiseFault(in told, Signal.SIGSEGV, SignalCode.SEGV_MAPERR, trap.Address);
                break;
            case FaultResult.AccessError:
                RaiseFault(in trap, Signal.SIGSEGV, SignalCode.SEGV_ACCERR, trap.Address);
                break;
            case FaultResult.BusError:
                RaiseFault(in trap, Signal.SIGBUS, SignalCode.BUS_ADRERR, trap.Address);
                break;
            case FaultResult.MustWait:
                // Waits before it runs again (ThreadWork.Fetch).
                _unchangedFaultCount = 0;
                break;
            default:
                // Whoever has to go goes first.
                Process.System.KillForMemory();
                Yield();
                break;
        }
    }

    /// <summary>Says whether it makes sense to run an instruction again whose fault has changed nothing.</summary>
    private bool CanRetryUnchanged(in Trap trap)
    {
        // A CPU reports what ring 3 does as the user's.
        if ((trap.PageFault & PageFaultFlags.User) == 0 && _cpu.TryAllowSupervisorAccess())
        {
            Process.System.Log.Info(
                $"this CPU checks accesses of programs as the kernel's (IRET in ring 3, at 0x{_context.Registers.Rip:x}): SMAP is off "
                    + $"from now on");
            return true;
        }

        // One instruction touches a handful of pages.
        ulong rip = _context.Registers.Rip;
        _unchangedFaultCount = rip == _unchangedFaultRip ? _unchangedFaultCount + 1 : 1;
        _unchangedFaultRip = rip;
        return _unchangedFaultCount <= MaxUnchangedFaults;
    }

    private void FailWithKernelBug(Exception exception)
    {
        KernelLog log = Process.System.Log;
        if (exception is OutOfMemoryException)
        {
            KernelHeap.Relieve();
            log.Critical($"the kernel's own memory ran out while serving {Name.Bytes}[{Tid}], which is killed; try a larger memory size");
        }
        else
        {
            string text = Describe(exception);
            log.Critical(
                $"kernel bug while serving {Name.Bytes}[{Tid}], system call {(long)_context.Registers.OrigRax}; the program is killed");
            log.WriteLines(LogLevel.Critical, text);
            WriteRegisters(log);
        }

        // The wait that the call had begun is given up: a wake must not be spent on who will never see it.
        _work &= ~ThreadWork.Parked;
        Waiter.Abandon();
        Process.System.Futexes.Leave(this);
        Process.Kill(Signal.SIGKILL);
        if (_work != ThreadWork.None)
        {
            _executor.Post(this);
        }
    }

    private static string Describe(Exception exception)
    {
        try
        {
            return exception.ToString();
        }
        catch (OutOfMemoryException)
        {
            KernelHeap.Relieve();
            return "there is no memory to say which";
        }
    }

    /// <summary>Writes the registers that the program left ring 3 with.</summary>
    public void WriteRegisters(KernelLog log)
    {
        if (HasEnded)
        {
            return;
        }

        ref GuestRegisters r = ref _context.Registers;
        log.Critical($"registers of {Name.Bytes}[{Tid}]:");
        log.Critical($"  rax 0x{r.Rax:x} rbx 0x{r.Rbx:x} rcx 0x{r.Rcx:x} rdx 0x{r.Rdx:x} rsi 0x{r.Rsi:x} rdi 0x{r.Rdi:x}");
        log.Critical($"  rbp 0x{r.Rbp:x} rsp 0x{r.Rsp:x} r8 0x{r.R8:x} r9 0x{r.R9:x} r10 0x{r.R10:x} r11 0x{r.R11:x}");
        log.Critical($"  r12 0x{r.R12:x} r13 0x{r.R13:x} r14 0x{r.R14:x} r15 0x{r.R15:x} fs 0x{r.FsBase:x} orig_rax 0x{r.OrigRax:x}");
        log.Critical($"  rip 0x{r.Rip:x} rflags 0x{r.Rflags:x}");
    }
}

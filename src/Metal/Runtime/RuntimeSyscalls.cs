using System.Runtime;
using Semitone.Metal.Cpu;
using Semitone.Metal.Devices;
using Semitone.Metal.Memory;
using Semitone.Metal.Threads;
using Semitone.Metal.Time;

namespace Semitone.Metal.Runtime;

/// <summary>The Linux system calls that the C library (libc/) makes for the managed runtime, as far as the two depend on them.</summary>
/// <remarks>This is no personality for programs: its callers are trusted ring-0 code, and it answers what they need to hear.</remarks>
// SAFETY: the callers are the C library and the runtime of this image, ring-0 code that is trusted with every address it passes.
internal static unsafe class RuntimeSyscalls
{
    private const long NotImplemented = -38;
    private const long Invalid = -22;
    private const long NoDevice = -19;
    private const long TryAgain = -11;
    private const long NoSuchProcess = -3;
    private const ulong Idle = 0x5300_0001;
    private const ulong NanosecondsPerSecond = 1_000_000_000;

    private static ulong s_unknownReported;

    [RuntimeExport("metal_syscall")]
    private static KernelThread* Serve(KernelThread* thread)
    {
        KernelRegisters* r = &thread->Registers;
        ulong number = r->Rax;
        switch (number)
        {
            case 15: // rt_sigreturn
                Signals.Return(thread);
                Signals.DeliverPending(thread);
                return thread;
            case 24: // sched_yield
                r->Rax = 0;
                return Scheduler.Next();
            case 35: // nanosleep
                return Sleep(thread, false, (ulong*)r->Rdi);
            case 230: // clock_nanosleep
                return Sleep(thread, (r->Rsi & 1) != 0, (ulong*)r->Rdx);
            case 60: // exit
                return Exit(thread);
            case 202: // futex
                return Futex(thread);
            case Idle:
                thread->State = ThreadState.Idle;
                return Scheduler.Next();
            default:
                r->Rax = unchecked((ulong)Dispatch(thread, r, number));
                Signals.DeliverPending(thread);
                return thread;
        }
    }

    private static long Dispatch(KernelThread* thread, KernelRegisters* r, ulong number)
    {
        switch (number)
        {
            case 1: // write
                Serial.Write((byte*)r->Rsi, (long)r->Rdx);
                return (long)r->Rdx;
            case 9: // mmap
                const ulong Fixed = 0x10;
                const ulong Anonymous = 0x20;
                const ulong Stack = 0x2_0000;
                return (r->R10 & Anonymous) == 0
                    ? NoDevice
                    : (long)RuntimeMemory.Map(r->Rdi, r->Rsi, (uint)r->Rdx & 7, (r->R10 & Fixed) != 0, (r->R10 & Stack) != 0);
            case 10: // mprotect
                return (long)RuntimeMemory.Protect(r->Rdi, r->Rsi, (uint)r->Rdx & 7);
            case 11: // munmap
                return (long)RuntimeMemory.Unmap(r->Rdi, r->Rsi);
            case 28: // madvise
                const ulong DontNeed = 4;
                return r->Rdx == DontNeed ? (long)RuntimeMemory.Discard(r->Rdi, r->Rsi) : 0;
            case 13: // rt_sigaction
                return Signals.SetAction((int)r->Rdi, (ulong*)r->Rsi, (ulong*)r->Rdx);
            case 14: // rt_sigprocmask
                return SetMask(thread, (int)r->Rdi, (ulong*)r->Rsi, (ulong*)r->Rdx);
            case 186: // gettid
                return thread->Id;
            case 56: // clone
                return Clone(thread, r);
            case 234: // tgkill
                return Send((int)r->Rsi, (int)r->Rdx);
            case 158: // arch_prctl
                const ulong SetFs = 0x1002;
                if (r->Rdi != SetFs)
                {
                    return Invalid;
                }

                thread->FsBase = r->Rsi;
                return 0;
            case 99: // sysinfo
                return GetSystemInformation((ulong*)r->Rdi);
            case 228: // clock_gettime
                return GetTime((ulong*)r->Rsi);
            case 318: // getrandom
                Entropy.Fill((byte*)r->Rdi, (long)r->Rsi);
                return (long)r->Rsi;
            case 324: // membarrier: private expedited and its registration; with one CPU there is nothing to do
                return r->Rdi == 0 ? 0x18 : 0;
            case 231: // exit_group
                Panic.Die("the kernel's program ended");
                return 0;
            case 239: // get_mempolicy: no NUMA
                return NotImplemented;
            default:
                Report(number);
                return NotImplemented;
        }
    }

    /// <summary>Says once for each number that the runtime asked for more than it used to.</summary>
    private static void Report(ulong number)
    {
        if (number == s_unknownReported)
        {
            return;
        }

        s_unknownReported = number;
        Serial.Write("[    0.000000] Warning: [metal] the runtime made system call ");
        Serial.WriteHex(number);
        Serial.Write("\n");
    }

    private static long SetMask(KernelThread* thread, int how, ulong* set, ulong* old)
    {
        ulong previous = thread->SignalMask;
        if (set != null)
        {
            thread->SignalMask = how == 0 ? previous | *set : how == 1 ? previous & ~*set : *set;
        }

        if (old != null)
        {
            *old = previous;
        }

        return 0;
    }

    private static long Clone(KernelThread* parent, KernelRegisters* r)
    {
        const ulong SetTls = 0x0008_0000;
        const ulong ParentSetTid = 0x0010_0000;
        const ulong ChildClearTid = 0x0020_0000;
        const ulong ThreadFlags = 0x0001_0100; // CLONE_THREAD | CLONE_VM
        ulong flags = r->Rdi;
        if ((flags & ThreadFlags) != ThreadFlags)
        {
            return Invalid;
        }

        KernelThread* child = Scheduler.Allocate();
        if (child == null)
        {
            return TryAgain;
        }

        child->Registers = *r;
        child->Registers.Rax = 0;
        child->Registers.Rsp = r->Rsi;
        child->FsBase = (flags & SetTls) != 0 ? r->R8 : parent->FsBase;
        child->ClearChildTid = (flags & ChildClearTid) != 0 ? r->R10 : 0;
        child->SignalMask = parent->SignalMask;
        child->Mxcsr = parent->Mxcsr;
        if ((flags & ParentSetTid) != 0)
        {
            *(int*)r->Rdx = child->Id;
        }

        return child->Id;
    }

    private static long Send(int id, int signal)
    {
        KernelThread* target = Scheduler.FindById(id);
        return target == null ? NoSuchProcess : Signals.Send(target, signal);
    }

    private static KernelThread* Exit(KernelThread* thread)
    {
        if (thread->ClearChildTid != 0)
        {
            *(int*)thread->ClearChildTid = 0;
            Scheduler.WakeFutex(thread->ClearChildTid, 1);
        }

        thread->State = ThreadState.Unused;
        return Scheduler.Next();
    }

    private static KernelThread* Sleep(KernelThread* thread, bool isAbsolute, ulong* time)
    {
        thread->DeadlineTicks = isAbsolute ? Tsc.ToDeadline(time[0], time[1]) : Instructions.ReadTsc() + Tsc.ToTicks(time[0], time[1]);
        thread->State = ThreadState.Sleeping;
        thread->Registers.Rax = 0;
        return Scheduler.Next();
    }

    private static KernelThread* Futex(KernelThread* thread)
    {
        const ulong Wake = 1;
        const ulong WaitBits = 9;
        const ulong CommandMask = 127;
        KernelRegisters* r = &thread->Registers;
        ulong command = r->Rsi & CommandMask;
        long result;
        switch (command)
        {
            case WaitBits:
                if (*(uint*)r->Rdi != (uint)r->Rdx)
                {
                    result = TryAgain;
                    break;
                }

                ulong* time = (ulong*)r->R10;
                thread->FutexAddress = r->Rdi;
                thread->DeadlineTicks = time == null ? ulong.MaxValue : Tsc.ToDeadline(time[0], time[1]);
                thread->State = ThreadState.WaitingForFutex;
                return Scheduler.Next();
            case Wake:
                result = Scheduler.WakeFutex(r->Rdi, (int)r->Rdx);
                break;
            default:
                result = NotImplemented;
                break;
        }

        r->Rax = unchecked((ulong)result);
        Signals.DeliverPending(thread);
        return thread;
    }

    private static long GetSystemInformation(ulong* information)
    {
        for (int i = 0; i < 14; i++)
        {
            information[i] = 0;
        }

        information[4] = (ulong)Frames.TotalCount * Layout.PageSize;
        information[5] = (ulong)Frames.FreeCount * Layout.PageSize;
        *(uint*)((byte*)information + 104) = 1; // mem_unit
        return 0;
    }

    private static long GetTime(ulong* time)
    {
        ulong ns = Tsc.ToNanoseconds(Instructions.ReadTsc());
        time[0] = ns / NanosecondsPerSecond;
        time[1] = ns % NanosecondsPerSecond;
        return 0;
    }
}

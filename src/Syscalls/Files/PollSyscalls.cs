using System.Numerics;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;

namespace Semitone.Syscalls;

/// <summary>The calls that wait for several files at once.</summary>
public static class PollSyscalls
{
    private const long NsPerMillisecond = 1_000_000;
    private const long NsPerMicrosecond = 1000;
    private const int BitsPerWord = 64;

    /// <summary>
    /// Descriptors that a call may name without being asked whether there is room for them, and what each takes: an entry and a place in a
    /// queue.
    /// </summary>
    private const uint FewFiles = 64;
    private const int BytesPerFile = 128;

    private const PollEvents AlwaysReported = PollEvents.POLLERR | PollEvents.POLLHUP;
    private const PollEvents Readable = PollEvents.POLLRDNORM | PollEvents.POLLRDBAND | PollEvents.POLLIN | PollEvents.POLLHUP
        | PollEvents.POLLERR;
    private const PollEvents Writable = PollEvents.POLLWRNORM | PollEvents.POLLWRBAND | PollEvents.POLLOUT | PollEvents.POLLERR;

    [Syscall(7, "poll", Returns = Returns.Value)]
    public static ValueTask<SysResult> Poll(
        SyscallContext context, [Out][Buffer(nameof(count))] UserPtr<PollFd> files, uint count, int timeoutMs)
    {
        long deadlineNs = timeoutMs < 0 ? long.MaxValue
            : timeoutMs == 0 ? 0
            : Deadline.FromNow(context.System.Clock, timeoutMs * NsPerMillisecond);
        return PollFiles(context, files, count, deadlineNs);
    }

    [Syscall(271, "ppoll", Returns = Returns.Value)]
    public static ValueTask<SysResult> PollWithMask(
        SyscallContext context,
        [Out][Buffer(nameof(count))] UserPtr<PollFd> files,
        uint count,
        UserPtr<Timespec> timeout,
        UserPtr<SignalSet> mask,
        nuint maskSize)
    {
        Errno error = ReadTimeout(context, timeout, out long deadlineNs);
        if (error == Errno.None)
        {
            error = SetMask(context, mask, maskSize);
        }
        if (error != Errno.None)
        {
            return new(error);
        }
        if (timeout.IsNull)
        {
            return PollFiles(context, files, count, deadlineNs);
        }
        ValueTask<SysResult> poll = PollFiles(context, files, count, deadlineNs);
        return FinishTimed(context, poll, timeout, deadlineNs);
    }

    [Syscall(23, "select", Returns = Returns.Value)]
    public static ValueTask<SysResult> Select(
        SyscallContext context,
        int count,
        [Trace(TraceFormat.Address)] UserPtr<ulong> readable,
        [Trace(TraceFormat.Address)] UserPtr<ulong> writable,
        [Trace(TraceFormat.Address)] UserPtr<ulong> exceptional,
        UserPtr<Timeval> timeout)
    {
        long deadlineNs = long.MaxValue;
        if (!timeout.IsNull)
        {
            if (!context.Memory.TryRead(timeout, out Timeval value))
            {
                return new(Errno.EFAULT);
            }
            if (value.tv_sec < 0 || value.tv_usec < 0)
            {
                return new(Errno.EINVAL);
            }
            // More microseconds than a second has are carried over, as Linux does.
            long seconds = value.tv_sec > long.MaxValue - (value.tv_usec / 1_000_000)
                ? long.MaxValue
                : value.tv_sec + (value.tv_usec / 1_000_000);
            long durationNs = new Timespec { tv_sec = seconds, tv_nsec = value.tv_usec % 1_000_000 * NsPerMicrosecond }.ToNsSaturating();
            deadlineNs = durationNs == 0 ? 0 : Deadline.FromNow(context.System.Clock, durationNs);
        }
        ValueTask<SysResult> select = SelectFiles(context, count, readable, writable, exceptional, deadlineNs);
        return timeout.IsNull ? select : FinishTimed(context, select, timeout, deadlineNs);
    }

    [Syscall(270, "pselect6", Returns = Returns.Value)]
    public static ValueTask<SysResult> SelectWithMask(
        SyscallContext context,
        int count,
        [Trace(TraceFormat.Address)] UserPtr<ulong> readable,
        [Trace(TraceFormat.Address)] UserPtr<ulong> writable,
        [Trace(TraceFormat.Address)] UserPtr<ulong> exceptional,
        UserPtr<Timespec> timeout,
        [Trace(TraceFormat.Address)] UserPtr<UserSpan> mask)
    {
        Errno error = ReadTimeout(context, timeout, out long deadlineNs);
        if (error == Errno.None && !mask.IsNull)
        {
            error = context.Memory.TryRead(mask, out UserSpan set)
                ? SetMask(context, new UserPtr<SignalSet>(set.Address), set.Length)
                : Errno.EFAULT;
        }
        if (error != Errno.None)
        {
            return new(error);
        }
        ValueTask<SysResult> select = SelectFiles(context, count, readable, writable, exceptional, deadlineNs);
        return timeout.IsNull ? select : FinishTimed(context, select, timeout, deadlineNs);
    }

    private static ValueTask<SysResult> PollFiles(SyscallContext context, UserPtr<PollFd> files, uint count, long deadlineNs)
    {
        if (count > (uint)context.Files.Limit)
        {
            return new(Errno.EINVAL);
        }
        if (count > FewFiles && !KernelHeap.HasRoom((int)count * BytesPerFile))
        {
            return new(Errno.ENOMEM);
        }
        PollFd[] entries = context.GetPollBuffer((int)count);
        if (!context.Memory.TryRead(files, entries.AsSpan(0, (int)count)))
        {
            return new(Errno.EFAULT);
        }
        int ready = Look(context.Files, entries, (int)count);
        return ready != 0 || deadlineNs == 0
            ? new(FinishPoll(context, files, entries, (int)count, ready))
            : PollFilesAsync(context, files, entries, (int)count, deadlineNs);
    }

    private static async ValueTask<SysResult> PollFilesAsync(
        SyscallContext context, UserPtr<PollFd> files, PollFd[] entries, int count, long deadlineNs)
    {
        Waiter waiter = context.Thread.Waiter;
        while (true)
        {
            for (int i = 0; i < count; i++)
            {
                if (entries[i].fd >= 0 && context.Files.TryGet(new Fd(entries[i].fd), out OpenFile? file, out _))
                {
                    file.Enlist(waiter, entries[i].events | AlwaysReported);
                }
            }
            int ready = Look(context.Files, entries, count);
            if (ready != 0)
            {
                waiter.Cancel();
                return FinishPoll(context, files, entries, count, ready);
            }
            switch (await waiter.WaitAsync(deadlineNs))
            {
                case WaitResult.Interrupted:
                    return RestartErrno.ERESTARTNOHAND;
                case WaitResult.TimedOut:
                    return FinishPoll(context, files, entries, count, Look(context.Files, entries, count));
                default:
                    break;
            }
        }
    }

    private static int Look(FileTable files, PollFd[] entries, int count)
    {
        int ready = 0;
        for (int i = 0; i < count; i++)
        {
            ref PollFd entry = ref entries[i];
            entry.revents = PollEvents.None;
            if (entry.fd >= 0)
            {
                entry.revents = files.TryGet(new Fd(entry.fd), out OpenFile? file, out _)
                    ? file.Poll() & (entry.events | AlwaysReported)
                    : PollEvents.POLLNVAL;
            }
            ready += entry.revents != PollEvents.None ? 1 : 0;
        }
        return ready;
    }

    private static SysResult FinishPoll(SyscallContext context, UserPtr<PollFd> files, PollFd[] entries, int count, int ready) =>
        context.Memory.TryWrite(files, entries.AsSpan(0, count)) ? ready : Errno.EFAULT;

    private static ValueTask<SysResult> SelectFiles(
        SyscallContext context, int count, UserPtr<ulong> readable, UserPtr<ulong> writable, UserPtr<ulong> exceptional, long deadlineNs)
    {
        if (count < 0)
        {
            return new(Errno.EINVAL);
        }
        if (count > FewFiles && !KernelHeap.HasRoom(Math.Min(count, context.Files.Length) * BytesPerFile))
        {
            return new(Errno.ENOMEM);
        }
        // Bits beyond the table name descriptors that cannot be open.
        SelectSets sets = new(Math.Min(count, context.Files.Length));
        if (!sets.TryRead(context, readable, writable, exceptional))
        {
            return new(Errno.EFAULT);
        }
        Errno error = sets.Look(context.Files, null, out int ready);
        if (error != Errno.None)
        {
            return new(error);
        }
        return ready != 0 || deadlineNs == 0 ? new(sets.Finish(context, readable, writable, exceptional, ready))
            : SelectFilesAsync(context, sets, readable, writable, exceptional, deadlineNs);
    }

    private static async ValueTask<SysResult> SelectFilesAsync(
        SyscallContext context,
        SelectSets sets,
        UserPtr<ulong> readable,
        UserPtr<ulong> writable,
        UserPtr<ulong> exceptional,
        long deadlineNs)
    {
        Waiter waiter = context.Thread.Waiter;
        while (true)
        {
            waiter.Begin();
            Errno error = sets.Look(context.Files, waiter, out int ready);
            if (error != Errno.None || ready != 0)
            {
                waiter.Cancel();
                return error != Errno.None ? error : sets.Finish(context, readable, writable, exceptional, ready);
            }
            switch (await waiter.WaitAsync(deadlineNs))
            {
                case WaitResult.Interrupted:
                    return RestartErrno.ERESTARTNOHAND;
                case WaitResult.TimedOut:
                    error = sets.Look(context.Files, null, out ready);
                    return error != Errno.None ? error : sets.Finish(context, readable, writable, exceptional, ready);
                default:
                    break;
            }
        }
    }

    internal static Errno ReadTimeout(SyscallContext context, UserPtr<Timespec> timeout, out long deadlineNs)
    {
        deadlineNs = long.MaxValue;
        if (timeout.IsNull)
        {
            return Errno.None;
        }
        if (!context.Memory.TryRead(timeout, out Timespec value))
        {
            return Errno.EFAULT;
        }
        if (!value.IsValid)
        {
            return Errno.EINVAL;
        }
        long durationNs = value.ToNsSaturating();
        deadlineNs = durationNs == 0 ? 0 : Deadline.FromNow(context.System.Clock, durationNs);
        return Errno.None;
    }

    internal static Errno SetMask(SyscallContext context, UserPtr<SignalSet> mask, nuint size)
    {
        if (mask.IsNull)
        {
            return Errno.None;
        }
        if (size != SignalSet.Size)
        {
            return Errno.EINVAL;
        }
        if (!context.Memory.TryRead(mask, out SignalSet set))
        {
            return Errno.EFAULT;
        }
        context.Thread.SetTemporarySignalMask(set);
        return Errno.None;
    }

    /// <summary>Writes back how much of the time is left, as Linux does and select(2) tells.</summary>
    private static ValueTask<SysResult> FinishTimed(
        SyscallContext context, ValueTask<SysResult> call, UserPtr<Timespec> timeout, long deadlineNs)
    {
        if (!call.IsCompletedSuccessfully)
        {
            return FinishTimedAsync(context, call, timeout, deadlineNs);
        }
        WriteTimeLeft(context, timeout, deadlineNs);
        return call;
    }

    private static async ValueTask<SysResult> FinishTimedAsync(
        SyscallContext context, ValueTask<SysResult> call, UserPtr<Timespec> timeout, long deadlineNs)
    {
        SysResult result = await call;
        WriteTimeLeft(context, timeout, deadlineNs);
        return result;
    }

    private static ValueTask<SysResult> FinishTimed(
        SyscallContext context, ValueTask<SysResult> call, UserPtr<Timeval> timeout, long deadlineNs)
    {
        if (!call.IsCompletedSuccessfully)
        {
            return FinishTimedAsync(context, call, timeout, deadlineNs);
        }
        WriteTimeLeft(context, timeout, deadlineNs);
        return call;
    }

    private static async ValueTask<SysResult> FinishTimedAsync(
        SyscallContext context, ValueTask<SysResult> call, UserPtr<Timeval> timeout, long deadlineNs)
    {
        SysResult result = await call;
        WriteTimeLeft(context, timeout, deadlineNs);
        return result;
    }

    // Memory that cannot be written is no error here: the call's result counts (select(2), "Notes").
    private static void WriteTimeLeft(SyscallContext context, UserPtr<Timespec> timeout, long deadlineNs)
    {
        if (TellsTimeLeft(context))
        {
            context.Memory.TryWrite(timeout, Timespec.FromNs(GetTimeLeft(context, deadlineNs)));
        }
    }

    private static void WriteTimeLeft(SyscallContext context, UserPtr<Timeval> timeout, long deadlineNs)
    {
        if (TellsTimeLeft(context))
        {
            context.Memory.TryWrite(timeout, Timeval.FromNs(GetTimeLeft(context, deadlineNs)));
        }
    }

    private static bool TellsTimeLeft(SyscallContext context) => (context.Process.Persona & Persona.STICKY_TIMEOUTS) == 0;

    private static long GetTimeLeft(SyscallContext context, long deadlineNs) =>
        deadlineNs == 0 ? 0 : Math.Max(0, deadlineNs - context.System.Clock.MonotonicNs);

    /// <summary>The three sets of descriptors of select(2): what is asked for, and what was found.</summary>
    private sealed class SelectSets
    {
        private readonly int _count;
        private readonly int _words;

        // Asked: readable, writable, exceptional; found: the same three.
        private readonly ulong[] _bits;

        public SelectSets(int count)
        {
            _count = count;
            _words = (count + BitsPerWord - 1) / BitsPerWord;
            _bits = new ulong[_words * 6];
        }

        public bool TryRead(SyscallContext context, UserPtr<ulong> readable, UserPtr<ulong> writable, UserPtr<ulong> exceptional) =>
            TryRead(context, readable, 0) && TryRead(context, writable, 1) && TryRead(context, exceptional, 2);

        /// <summary>Looks at every file that is asked for.</summary>
        /// <param name="waiter">Joins the queues of each; null for a look only.</param>
        public Errno Look(FileTable files, Waiter? waiter, out int ready)
        {
            ready = 0;
            Get(3, 3).Clear();
            for (int word = 0; word < _words; word++)
            {
                ulong asked = Get(0)[word] | Get(1)[word] | Get(2)[word];
                while (asked != 0)
                {
                    int bit = BitOperations.TrailingZeroCount(asked);
                    ulong mask = 1UL << bit;
                    asked &= ~mask;
                    if (!files.TryGet(new Fd((word * BitsPerWord) + bit), out OpenFile? file, out Errno error))
                    {
                        return error;
                    }
                    if (waiter is not null)
                    {
                        file.Enlist(waiter, Readable | Writable | PollEvents.POLLPRI);
                    }
                    PollEvents events = file.Poll();
                    ready += Mark(0, word, mask, events & Readable) + Mark(1, word, mask, events & Writable)
                        + Mark(2, word, mask, events & PollEvents.POLLPRI);
                }
            }
            return Errno.None;
        }

        public SysResult Finish(
            SyscallContext context, UserPtr<ulong> readable, UserPtr<ulong> writable, UserPtr<ulong> exceptional, int ready)
        {
            bool isWritten = TryWrite(context, readable, 3) && TryWrite(context, writable, 4) && TryWrite(context, exceptional, 5);
            return isWritten ? ready : Errno.EFAULT;
        }

        private Span<ulong> Get(int set, int sets = 1) => _bits.AsSpan(set * _words, sets * _words);

        private int Mark(int set, int word, ulong mask, PollEvents found)
        {
            if (found == PollEvents.None || (Get(set)[word] & mask) == 0)
            {
                return 0;
            }
            Get(set + 3)[word] |= mask;
            return 1;
        }

        private bool TryRead(SyscallContext context, UserPtr<ulong> set, int index)
        {
            if (set.IsNull)
            {
                return true;
            }
            if (!context.Memory.TryRead(set, Get(index)))
            {
                return false;
            }
            if (_count % BitsPerWord != 0)
            {
                Get(index)[^1] &= (1UL << (_count % BitsPerWord)) - 1;
            }
            return true;
        }

        private bool TryWrite(SyscallContext context, UserPtr<ulong> set, int index) =>
            set.IsNull || context.Memory.TryWrite(set, (ReadOnlySpan<ulong>)Get(index));
    }
}

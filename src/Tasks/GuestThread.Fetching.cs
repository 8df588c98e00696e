using Semitone.Abi;
using Semitone.Core;
using Semitone.Memory;

namespace Semitone.Tasks;

/// <content>Going on after a wait, and waiting for pages that must be fetched.</content>
public sealed partial class GuestThread
{
    private ValueTask<WaitResult> _parkedFault;
    private Action? _onPageFetched;

    /// <summary>Faults that waited for a page from outside (ru_majflt in getrusage(2)).</summary>
    public long MajorFaultCount { get; private set; }

    void IWaitOwner.OnResuming() => Process.System.ResumingThread = this;

    void IWaitOwner.OnResumed() => Process.System.ResumingThread = null;

    /// <summary>Takes note that the thread, or a system call that it makes, has come to a page that must be fetched.</summary>
    internal void NoteLack() => _work |= ThreadWork.Fetch;

    /// <summary>Waits for the page that was lacking, and does again what failed for it.</summary>
    /// <returns>False when the thread waits: it is not runnable.</returns>
    private bool TryFinishFetch()
    {
        const ulong Fault = unchecked((ulong)-(long)Errno.EFAULT);
        AddressSpace space = Process.AddressSpace;
        ref ulong rax = ref _context.Registers.Rax;
        if (space.Memory.HasWritesPutOff)
        {
            // The call is over, but for what it answers. Whatever else it lacked had no consequence.
            if (space.Memory.TryFinishWrites(out bool areLost))
            {
                rax = areLost ? Fault : rax;
                space.ForgetLack();
                return true;
            }

            _work |= ThreadWork.Fetch;
        }
        else if (_context.Registers.OrigRax != ulong.MaxValue)
        {
            if (rax != Fault)
            {
                // It got on without: what it did in part has been told, or has been gone on with.
                space.ForgetLack();
                return true;
            }

            _work |= space.HasLack ? ThreadWork.Repeat : ThreadWork.None;
        }

        return !space.TryTakeLack(out WaitQueue? queue) || TryWaitForPage(queue);
    }

    /// <summary>Sleeps until a page has come. Signals do not end this, as they do not under Linux; the end of the thread does.</summary>
    /// <returns>True when it did not begin, because the thread is to end.</returns>
    private bool TryWaitForPage(WaitQueue queue)
    {
        MajorFaultCount++;
        ValueTask<WaitResult> wait = Waiter.WaitAsync(queue, mode: WaitMode.Killable);
        if (wait.IsCompleted)
        {
            _ = wait.Result;
            return true;
        }

        _work |= ThreadWork.Parked;
        VoluntarySwitchCount++;
        _parkedFault = wait;
        wait.GetAwaiter().UnsafeOnCompleted(_onPageFetched ??= OnPageFetched);
        return false;
    }

    private void OnPageFetched()
    {
        _ = _parkedFault.GetAwaiter().GetResult();
        _parkedFault = default;
        _work &= ~ThreadWork.Parked;

        // This is the executor's own call of a continuation, and so the thread's turn.
        Run();
    }
}

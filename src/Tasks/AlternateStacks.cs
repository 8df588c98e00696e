using Semitone.Abi;

namespace Semitone.Tasks;

/// <summary>Checks of sigaltstack(2).</summary>
public static class AlternateStacks
{
    /// <summary>Sets a thread's alternate stack.</summary>
    /// <returns>None, EPERM while the thread is on it, EINVAL or ENOMEM.</returns>
    public static Errno TrySet(GuestThread thread, in StackT stack, ulong stackPointer)
    {
        if (thread.IsOnAlternateStack(stackPointer))
        {
            return Errno.EPERM;
        }

        StackFlags mode = stack.ss_flags & ~StackFlags.SS_AUTODISARM;
        if (mode is not (StackFlags.None or StackFlags.SS_DISABLE or StackFlags.SS_ONSTACK))
        {
            return Errno.EINVAL;
        }

        if (mode == StackFlags.SS_DISABLE)
        {
            thread.AlternateStack = new StackT { ss_flags = stack.ss_flags };
            return Errno.None;
        }

        if (stack.ss_size < SignalStack.MINSIGSTKSZ)
        {
            return Errno.ENOMEM;
        }

        thread.AlternateStack =
            new StackT { ss_sp = stack.ss_sp, ss_size = stack.ss_size, ss_flags = stack.ss_flags & ~StackFlags.SS_ONSTACK };
        return Errno.None;
    }
}

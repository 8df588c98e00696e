using System.Runtime.CompilerServices;
using Semitone.Abi;
using Semitone.Machine;

namespace Semitone.Syscalls;

/// <summary>Calls the handler of a system call.</summary>
/// <remarks>
/// The generator adds the switch over all handlers. Handlers stay out of line, so that the switch has a small frame and a
/// call of a few instructions pays for no more than those.
/// </remarks>
/// <param name="strace">The tracer; null for none.</param>
/// <param name="counts">Counts every call; null where nobody asked for that.</param>
public sealed partial class SyscallDispatcher(Strace? strace, SyscallCounts? counts = null)
{
    /// <summary>
    /// What <see cref="Dispatch"/> returns for a call that waits: its task (<see cref="SyscallContext.Wait"/>), or for a fetch.
    /// </summary>
    public static SysResult Pending => InternalErrno.MustWait;

    private readonly Strace? _strace = strace;
    private readonly SyscallCounts? _counts = counts;

    /// <summary>One branch for each call, whoever wants to know of it.</summary>
    private readonly bool _isObserved = strace is not null || counts is not null;

    /// <summary>The calls that programs made and that this kernel does not have, or not for what they were asked.</summary>
    public SyscallCounts Missing { get; } = new();

    /// <summary>All calls; null where they are not counted.</summary>
    public SyscallCounts? Counts => _counts;

    public static bool IsPending(SysResult result) => result.Value == -(long)InternalErrno.MustWait;

    /// <summary>Serves the system call that a thread's registers ask for.</summary>
    /// <param name="context">The calling thread.</param>
    /// <param name="registers">Its registers; the result is not stored here.</param>
    /// <returns>The result for RAX, or <see cref="Pending"/>.</returns>
    public SysResult Dispatch(SyscallContext context, ref GuestRegisters registers) =>
        _isObserved ? CallObserved(context, ref registers) : Call(context, ref registers);

    private static async ValueTask<SysResult> FinishTracedAsync(
        Strace strace, TraceLine line, SyscallArguments arguments, ValueTask<SysResult> pending)
    {
        SysResult result = await pending;
        strace.End(line, in arguments, result);
        return result;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private SysResult CallObserved(SyscallContext context, ref GuestRegisters registers)
    {
        _counts?.Count(unchecked((uint)registers.Rax));
        return _strace is null ? Call(context, ref registers) : CallTraced(_strace, context, ref registers);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static SysResult CallTraced(Strace strace, SyscallContext context, ref GuestRegisters registers)
    {
        SyscallArguments arguments = new(in registers);
        TraceLine line = strace.Begin(context.ThreadId, context.Memory, in arguments);
        SysResult result = Call(context, ref registers);
        if (IsPending(result))
        {
            context.AwaitChange();

            // A call that waits for a fetch is served from its start afterwards, and told then.
            if (context.IsFetching)
            {
                strace.Drop(line);
            }
            else
            {
                context.Pending = FinishTracedAsync(strace, line, arguments, context.Pending);
            }
        }
        else if (result.Error == Errno.EFAULT && context.Memory.Space.HasLack)
        {
            // So is one whose arguments must be fetched.
            strace.Drop(line);
        }
        else
        {
            strace.End(line, in arguments, result);
        }

        return result;
    }

    /// <summary>Stands in for a handler; has its signature, so that the switch jumps here with the registers as they are.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static SysResult CallMissing(SyscallContext context, ref GuestRegisters registers)
    {
        context.CountMissing(unchecked((uint)registers.Rax));
        return Errno.ENOSYS;
    }
}

using Semitone.Abi;
using Semitone.Core;
using Semitone.Loader;
using Semitone.Memory;

namespace Semitone.Syscalls;

/// <summary>execve(2).</summary>
public static class ExecSyscalls
{
    /// <summary>Bytes that arguments and environment may have together whatever the limit of the stack is (execve(2), "Limits").</summary>
    private const long MinimumArgumentSpace = 32 * Paging.PageSize;

    private const long MaximumArgumentSpace = 6L << 20;

    /// <summary>What the kernel keeps for a byte of arguments until they are on the new stack, where they are short ones.</summary>
    private const int HeapPerArgumentByte = 6;

    [Syscall(59, "execve")]
    public static ValueTask<SysResult> Execve(
        SyscallContext context, UserCString path, UserPtr<UserCString> arguments, UserPtr<UserCString> environment)
    {
        byte[] buffer = new byte[UserMemory.PathMax];
        Errno error = context.Memory.ReadPath(path, buffer, out ReadOnlySpan<byte> name);
        if (error != Errno.None)
        {
            return new ValueTask<SysResult>(error);
        }

        long budget = Math.Clamp(
            (long)Math.Min(context.Process.Limits[RlimitResource.RLIMIT_STACK].rlim_cur / 4, long.MaxValue),
            MinimumArgumentSpace,
            MaximumArgumentSpace);
        while (budget > MinimumArgumentSpace && !KernelHeap.HasRoom((int)budget * HeapPerArgumentByte))
        {
            budget /= 2;
        }

        error = ReadStrings(context, arguments, ref budget, out byte[][] argumentStrings);
        if (error == Errno.None)
        {
            error = ReadStrings(context, environment, ref budget, out byte[][] environmentStrings);
            if (error == Errno.None)
            {
                error = context.Process.Load(
                    context.Thread, name.ToArray(), argumentStrings, environmentStrings, out LoadedProgram? program);
                if (error == Errno.None)
                {
                    return Replace(context, program!);
                }
            }
        }

        return new ValueTask<SysResult>(error);
    }

    private static Errno ReadStrings(SyscallContext context, UserPtr<UserCString> array, ref long budget, out byte[][] strings)
    {
        // Linux takes a null vector for an empty one.
        strings = [];
        return array.IsNull ? Errno.None : context.Memory.ReadStringArray(new UserPtr<ulong>(array.Address), ref budget, out strings);
    }

    private static ValueTask<SysResult> Replace(SyscallContext context, LoadedProgram program)
    {
        if (context.Process.Threads.Count == 1 && !context.Process.IsExiting)
        {
            // Nobody to wait for, and nothing to be allocated.
            context.Process.BecomeFirstThread(context.Thread);
            return new ValueTask<SysResult>(Take(context, program));
        }

        return ReplaceAsync(context, program);
    }

    private static SysResult Take(SyscallContext context, LoadedProgram program)
    {
        Errno error = context.Process.TakeProgram(context.Thread, program);
        if (error != Errno.None)
        {
            program.Space.Dispose();
        }

        return error;
    }

    private static async ValueTask<SysResult> ReplaceAsync(SyscallContext context, LoadedProgram program)
    {
        try
        {
            if (await context.Process.BecomeSingleThreadedAsync(context.Thread))
            {
                return Take(context, program);
            }
        }
        catch (OutOfMemoryException)
        {
            // The other threads may be gone: the program ends of it, and the new one, which nobody has yet, goes with it.
            program.Space.Dispose();
            throw;
        }

        program.Space.Dispose();
        return Errno.EINTR;
    }
}

using System.Text;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;
using Semitone.Loader;
using Semitone.Memory;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>execve(2) and execveat(2).</summary>
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
        return error != Errno.None
            ? new ValueTask<SysResult>(error)
            : Execute(context, MakeLookup(context), name.ToArray(), isPathInaccessible: false, arguments, environment);
    }

    [Syscall(322, "execveat")]
    public static ValueTask<SysResult> ExecveAt(
        SyscallContext context,
        Fd directory,
        UserCString path,
        UserPtr<UserCString> arguments,
        UserPtr<UserCString> environment,
        ExecveAtFlags flags)
    {
        if ((flags & ~(ExecveAtFlags.AT_EMPTY_PATH | ExecveAtFlags.AT_SYMLINK_NOFOLLOW)) != 0)
        {
            return new ValueTask<SysResult>(Errno.EINVAL);
        }

        byte[] buffer = new byte[UserMemory.PathMax];
        Errno error = context.Memory.ReadPath(path, buffer, out ReadOnlySpan<byte> name);
        if (error != Errno.None)
        {
            return new ValueTask<SysResult>(error);
        }

        bool refusesLink = (flags & ExecveAtFlags.AT_SYMLINK_NOFOLLOW) != 0;
        bool isEmpty = name.IsEmpty && (flags & ExecveAtFlags.AT_EMPTY_PATH) != 0;
        if (directory.Number == Fd.AtFdCwd.Number || (!name.IsEmpty && name[0] == (byte)'/'))
        {
            // The working directory itself is no program.
            return isEmpty
                ? new ValueTask<SysResult>(Errno.EACCES)
                : Execute(context, MakeLookup(context, refusesLink), name.ToArray(), isPathInaccessible: false, arguments, environment);
        }

        OpenFile? file;
        DirectoryInode? start = null;
        if (isEmpty)
        {
            context.Files.TryGetAny(directory, out file, out error);
        }
        else
        {
            file = null;
            error = context.GetStart(directory, name, out start);
        }

        if (error != Errno.None)
        {
            return new ValueTask<SysResult>(error);
        }

        // A path by which the program, or who interprets it, finds the file once more (execveat(2), "Notes").
        string prefix = $"/dev/fd/{directory.Number}";
        byte[] told = isEmpty ? Encoding.ASCII.GetBytes(prefix) : [.. Encoding.ASCII.GetBytes(prefix), (byte)'/', .. name];
        return Execute(
            context, MakeLookup(context, refusesLink, start, file?.Inode), told, context.Files.IsCloseOnExec(directory), arguments,
            environment);
    }

    private static ProgramLookup MakeLookup(
        SyscallContext context, bool refusesLink = false, DirectoryInode? start = null, Inode? first = null) =>
        new(context.FileSystem, context.Thread.Credentials, context.Thread)
        {
            RefusesLink = refusesLink,
            Start = start,
            First = first,
        };

    private static ValueTask<SysResult> Execute(
        SyscallContext context,
        ProgramLookup lookup,
        byte[] path,
        bool isPathInaccessible,
        UserPtr<UserCString> arguments,
        UserPtr<UserCString> environment)
    {
        long budget = Math.Clamp(
            (long)Math.Min(context.Process.Limits[RlimitResource.RLIMIT_STACK].rlim_cur / 4, long.MaxValue),
            MinimumArgumentSpace,
            MaximumArgumentSpace);
        while (budget > MinimumArgumentSpace && !KernelHeap.HasRoom((int)budget * HeapPerArgumentByte))
        {
            budget /= 2;
        }

        Errno error = ReadStrings(context, arguments, ref budget, out byte[][] argumentStrings);
        if (error == Errno.None)
        {
            error = ReadStrings(context, environment, ref budget, out byte[][] environmentStrings);
            if (error == Errno.None)
            {
                error = context.Process.Load(
                    context.Thread, lookup, path, isPathInaccessible, argumentStrings, environmentStrings, out LoadedProgram? program);
                if (error == Errno.None)
                {
                    return Replace(context, program!, lookup);
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

    private static ValueTask<SysResult> Replace(SyscallContext context, LoadedProgram program, ProgramLookup lookup)
    {
        if (context.Process.Threads.Count == 1 && !context.Process.IsExiting)
        {
            // Nobody to wait for, and nothing to be allocated.
            context.Process.BecomeFirstThread(context.Thread);
            return new ValueTask<SysResult>(Take(context, program, lookup));
        }

        return ReplaceAsync(context, program, lookup);
    }

    private static SysResult Take(SyscallContext context, LoadedProgram program, ProgramLookup lookup)
    {
        Errno error = context.Process.TakeProgram(context.Thread, program, lookup);
        if (error != Errno.None)
        {
            program.Space.Dispose();
        }

        return error;
    }

    private static async ValueTask<SysResult> ReplaceAsync(SyscallContext context, LoadedProgram program, ProgramLookup lookup)
    {
        try
        {
            if (await context.Process.BecomeSingleThreadedAsync(context.Thread))
            {
                return Take(context, program, lookup);
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

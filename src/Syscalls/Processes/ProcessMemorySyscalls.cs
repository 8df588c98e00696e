using Semitone.Abi;
using Semitone.Core;
using Semitone.Memory;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>The calls that look into other processes: process_vm_readv(2), process_vm_writev(2).</summary>
public static class ProcessMemorySyscalls
{
    private const nuint MaxVectors = 1024;
    private const int VectorSize = 16;

    [Syscall(310, "process_vm_readv", Returns = Returns.Value)]
    public static SysResult Read(
        SyscallContext context,
        [Trace(TraceFormat.Pid)] int pid,
        [Trace(TraceFormat.Address)] UserPtr<UserSpan> local,
        nuint localCount,
        [Trace(TraceFormat.Address)] UserPtr<UserSpan> remote,
        nuint remoteCount,
        ulong flags) =>
        Transfer(context, pid, local, localCount, remote, remoteCount, flags, writes: false);

    [Syscall(311, "process_vm_writev", Returns = Returns.Value)]
    public static SysResult Write(
        SyscallContext context,
        [Trace(TraceFormat.Pid)] int pid,
        [Trace(TraceFormat.Address)] UserPtr<UserSpan> local,
        nuint localCount,
        [Trace(TraceFormat.Address)] UserPtr<UserSpan> remote,
        nuint remoteCount,
        ulong flags) =>
        Transfer(context, pid, local, localCount, remote, remoteCount, flags, writes: true);

    private static SysResult Transfer(
        SyscallContext context,
        int pid,
        UserPtr<UserSpan> local,
        nuint localCount,
        UserPtr<UserSpan> remote,
        nuint remoteCount,
        ulong flags,
        bool writes)
    {
        if (flags != 0)
        {
            return Errno.EINVAL;
        }

        Errno error = context.Memory.ImportIoVec(local.Address, localCount, ref context.Segments, out IoCursor cursor);
        if (error != Errno.None)
        {
            return error;
        }

        if (cursor.Remaining == 0)
        {
            return SysResult.Success;
        }

        if (remoteCount > MaxVectors)
        {
            return Errno.EINVAL;
        }

        if (!KernelHeap.TryAllocate((int)remoteCount, VectorSize, out UserSpan[]? vectors))
        {
            return Errno.ENOMEM;
        }

        if (!context.Memory.TryRead(remote, vectors.AsSpan()))
        {
            return Errno.EFAULT;
        }

        foreach (UserSpan vector in vectors)
        {
            if ((long)vector.Length < 0)
            {
                return Errno.EINVAL;
            }
        }

        if (!context.System.Threads.TryGet(pid, out GuestThread? thread) || thread.Process.HasEnded)
        {
            return Errno.ESRCH;
        }

        if (!context.Thread.MayInspect(thread, byFileUser: false))
        {
            return Errno.EPERM;
        }

        return context.TryGetPathBuffer(out byte[]? page)
            ? Copy(ref cursor, thread.Process.AddressSpace.Memory, vectors, page, writes)
            : Errno.ENOMEM;
    }

    /// <summary>Copies by way of a page of the kernel, as far as both sides go.</summary>
    private static SysResult Copy(ref IoCursor cursor, UserMemory other, ReadOnlySpan<UserSpan> vectors, byte[] page, bool writes)
    {
        foreach (UserSpan vector in vectors)
        {
            ulong address = vector.Address;
            ulong left = vector.Length;
            while (left != 0 && cursor.Remaining != 0)
            {
                int length = (int)Math.Min(Math.Min(left, (ulong)cursor.Remaining), (ulong)page.Length);
                Span<byte> piece = page.AsSpan(0, length);
                long before = cursor.Moved;
                int moved;
                if (writes)
                {
                    moved = cursor.Read(piece);
                    moved = other.CopyOut(address, piece[..moved]);
                }
                else
                {
                    moved = other.CopyIn(address, piece);
                    moved = cursor.Write(piece[..moved]);
                }

                long done = before + moved;
                if (moved < length)
                {
                    return done > 0 ? done : Errno.EFAULT;
                }

                address += (ulong)moved;
                left -= (ulong)moved;
            }
        }

        return cursor.Moved;
    }
}

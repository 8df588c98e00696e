using Semitone.Abi;
using Semitone.Machine;
using Semitone.Memory;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>Shared memory of System V IPC (sysvipc(7)).</summary>
public static class SharedMemorySyscalls
{
    [Syscall(29, "shmget", Returns = Returns.Value, Missing = "SHM_HUGETLB")]
    public static SysResult Get(SyscallContext context, int key, nuint size, IpcFlags flags) =>
        context.System.Ipc.GetSegment(context.Thread, key, size, flags);

    [Syscall(30, "shmat", Returns = Returns.Address)]
    public static SysResult Attach(SyscallContext context, int id, [Trace(TraceFormat.Address)] ulong address, AttachFlags flags)
    {
        if (id < 0)
        {
            return Errno.EINVAL;
        }

        if ((address & Paging.PageMask) != 0)
        {
            if ((flags & AttachFlags.SHM_RND) == 0)
            {
                return Errno.EINVAL;
            }

            address &= ~(ulong)Paging.PageMask;
            if (address == 0 && (flags & AttachFlags.SHM_REMAP) != 0)
            {
                return Errno.EINVAL;
            }
        }
        else if (address == 0 && (flags & AttachFlags.SHM_REMAP) != 0)
        {
            return Errno.EINVAL;
        }

        if (!context.System.Ipc.Segments.TryGet(id, out SharedSegment? segment))
        {
            return Errno.EINVAL;
        }

        bool isReadOnly = (flags & AttachFlags.SHM_RDONLY) != 0;
        bool isExecutable = (flags & AttachFlags.SHM_EXEC) != 0;
        uint wanted = 0x100u | (isReadOnly ? 0 : 0x80u) | (isExecutable ? 0x40u : 0);
        Errno error = segment.Check(context.Thread.Credentials, wanted);
        if (error != Errno.None)
        {
            return error;
        }

        PageAccess access = PageAccess.Read | (isReadOnly ? PageAccess.None : PageAccess.Write)
            | (isExecutable ? PageAccess.Execute : PageAccess.None);
        MapRequest request = new()
        {
            Address = address,
            Length = segment.Size,
            Access = access,
            MaxAccess = isReadOnly ? PageAccess.Read | PageAccess.Execute : PageAccess.Read | PageAccess.Write | PageAccess.Execute,
            Flags = VmaFlags.Shared,
            Options = address == 0 ? MapOptions.None
                : (flags & AttachFlags.SHM_REMAP) != 0 ? MapOptions.Fixed
                : MapOptions.FixedNoReplace,
            Object = segment.Pages,
        };
        error = context.Memory.Space.Map(request, out ulong place);
        return error == Errno.None ? (long)place : error == Errno.EEXIST ? Errno.EINVAL : error;
    }

    [Syscall(67, "shmdt")]
    public static SysResult Detach(SyscallContext context, [Trace(TraceFormat.Address)] ulong address)
    {
        if ((address & Paging.PageMask) != 0)
        {
            return Errno.EINVAL;
        }

        AddressSpace space = context.Memory.Space;
        if (!TryFind(space, address, 0, null, out MemoryObject? pages, out ulong start, out ulong length))
        {
            return Errno.EINVAL;
        }

        // Parts of the attachment may have been unmapped, and others mapped in their place: those stay.
        ulong size = Paging.RoundUp(((SharedSegment)pages!.File!).Size);
        pages.AddReference();
        Errno error = space.Unmap(start, length);
        ulong from = start + length;
        while (error == Errno.None && TryFind(space, address, from, pages, out _, out start, out length) && start < address + size)
        {
            error = space.Unmap(start, length);
            from = start + length;
        }

        pages.Release();
        return error;
    }

    [Syscall(31, "shmctl", Returns = Returns.Value)]
    public static SysResult Control(SyscallContext context, int id, SharedMemoryCommand command, [Trace(TraceFormat.Address)] ulong buffer)
    {
        IpcSystem ipc = context.System.Ipc;
        if (id < 0)
        {
            return Errno.EINVAL;
        }

        switch (command)
        {
            case SharedMemoryCommand.IPC_INFO:
                Shminfo limits = new()
                {
                    shmmax = IpcSystem.MaxSegmentSize,
                    shmmin = 1,
                    shmmni = IpcSystem.MaxSegments,
                    shmseg = IpcSystem.MaxSegments,
                    shmall = IpcSystem.MaxSegmentSize,
                };
                return context.Memory.TryWriteFrom(new UserPtr<Shminfo>(buffer), in limits)
                    ? Math.Max(0, ipc.Segments.HighestIndex)
                    : Errno.EFAULT;
            case SharedMemoryCommand.SHM_INFO:
                ShmInfo use = Measure(ipc);
                return context.Memory.TryWriteFrom(new UserPtr<ShmInfo>(buffer), in use)
                    ? Math.Max(0, ipc.Segments.HighestIndex)
                    : Errno.EFAULT;
            case SharedMemoryCommand.SHM_STAT or SharedMemoryCommand.SHM_STAT_ANY or SharedMemoryCommand.IPC_STAT:
                return Tell(context, id, command, new UserPtr<ShmidDs>(buffer));
            case SharedMemoryCommand.IPC_SET or SharedMemoryCommand.IPC_RMID:
                return Change(context, id, command, new UserPtr<ShmidDs>(buffer));
            case SharedMemoryCommand.SHM_LOCK or SharedMemoryCommand.SHM_UNLOCK:
                return Lock(context, id, command == SharedMemoryCommand.SHM_LOCK);
            default:
                return Errno.EINVAL;
        }
    }

    /// <summary>Finds a vma that belongs to what was attached at an address.</summary>
    /// <param name="from">Where to begin.</param>
    /// <param name="wanted">The segment's pages; null for any.</param>
    private static bool TryFind(
        AddressSpace space, ulong address, ulong from, MemoryObject? wanted, out MemoryObject? pages, out ulong start, out ulong length)
    {
        foreach (Vma vma in space.Vmas)
        {
            bool isPart = vma.Object is { File: SharedSegment } found
                && (wanted is null || wanted == found)
                && vma.Start >= Math.Max(address, from)
                && vma.Start - address == vma.ObjectOffset;
            if (isPart)
            {
                pages = vma.Object;
                start = vma.Start;
                length = vma.Length;
                return true;
            }
        }

        pages = null;
        start = 0;
        length = 0;
        return false;
    }

    private static ShmInfo Measure(IpcSystem ipc)
    {
        ShmInfo use = new() { used_ids = ipc.Segments.Count, shm_tot = (ulong)ipc.SegmentPageCount };
        for (int i = ipc.Segments.HighestIndex; i >= 0; i--)
        {
            use.shm_rss += (ulong)(ipc.Segments[i]?.ResidentPageCount ?? 0);
        }

        return use;
    }

    private static SysResult Tell(SyscallContext context, int id, SharedMemoryCommand command, UserPtr<ShmidDs> buffer)
    {
        IpcTable<SharedSegment> segments = context.System.Ipc.Segments;
        SharedSegment? segment;
        if (command == SharedMemoryCommand.IPC_STAT)
        {
            segments.TryGet(id, out segment);
        }
        else
        {
            segment = segments[id];
        }

        if (segment is null)
        {
            return Errno.EINVAL;
        }

        Errno error = command == SharedMemoryCommand.SHM_STAT_ANY
            ? Errno.None
            : segment.Check(context.Thread.Credentials, writes: false);
        if (error != Errno.None)
        {
            return error;
        }

        ShmidDs told = new()
        {
            shm_perm = segment.GetPermissions(),
            shm_segsz = segment.Size,
            shm_atime = segment.AttachedSeconds,
            shm_dtime = segment.DetachedSeconds,
            shm_ctime = segment.ChangedSeconds,
            shm_cpid = segment.CreatorPid,
            shm_lpid = segment.LastPid,
            shm_nattch = (ulong)segment.AttachCount,
        };
        long result = command == SharedMemoryCommand.IPC_STAT ? 0 : segment.Id;
        return context.Memory.TryWriteFrom(buffer, in told) ? result : Errno.EFAULT;
    }

    private static SysResult Change(SyscallContext context, int id, SharedMemoryCommand command, UserPtr<ShmidDs> buffer)
    {
        ShmidDs wanted = default;
        if (command == SharedMemoryCommand.IPC_SET && !context.Memory.TryRead(buffer, out wanted))
        {
            return Errno.EFAULT;
        }

        if (!context.System.Ipc.Segments.TryGet(id, out SharedSegment? segment))
        {
            return Errno.EINVAL;
        }

        Errno error = segment.CheckOwner(context.Thread.Credentials);
        if (error != Errno.None)
        {
            return error;
        }

        if (command == SharedMemoryCommand.IPC_SET)
        {
            return segment.SetOwner(in wanted.shm_perm, context.System);
        }

        segment.Doom();
        return SysResult.Success;
    }

    /// <summary>Keeps a segment from being swapped out, which nothing ever is: only who may do that, and what shmctl(2) tells.</summary>
    private static SysResult Lock(SyscallContext context, int id, bool isLocked)
    {
        if (!context.System.Ipc.Segments.TryGet(id, out SharedSegment? segment))
        {
            return Errno.EINVAL;
        }

        Credentials credentials = context.Thread.Credentials;
        if (!credentials.Has(Capability.CAP_IPC_LOCK))
        {
            bool isOwner = credentials.EffectiveUserId == segment.UserId || credentials.EffectiveUserId == segment.CreatorUserId;
            if (!isOwner || (isLocked && context.Process.Limits[RlimitResource.RLIMIT_MEMLOCK].rlim_cur == 0))
            {
                return Errno.EPERM;
            }

            if (isLocked && segment.Size > context.Process.Limits[RlimitResource.RLIMIT_MEMLOCK].rlim_cur)
            {
                return Errno.ENOMEM;
            }
        }

        segment.IsLocked = isLocked;
        return SysResult.Success;
    }
}

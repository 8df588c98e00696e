using Semitone.Abi;
using Semitone.Files;
using Semitone.Machine;
using Semitone.Memory;

namespace Semitone.Syscalls;

/// <summary>The system calls of address spaces: mmap(2) and its family.</summary>
public static class MemorySyscalls
{
    private const MapProtection AccessBits = MapProtection.PROT_READ | MapProtection.PROT_WRITE | MapProtection.PROT_EXEC;
    private const MapProtection GrowBits = MapProtection.PROT_GROWSDOWN | MapProtection.PROT_GROWSUP;

    private const MapFlags KnownFlags = MapFlags.MAP_TYPE | MapFlags.MAP_ANONYMOUS | MapFlags.MAP_DENYWRITE | MapFlags.MAP_EXECUTABLE
        | MapFlags.MAP_FIXED | MapFlags.MAP_FIXED_NOREPLACE | MapFlags.MAP_32BIT | MapFlags.MAP_GROWSDOWN | MapFlags.MAP_LOCKED
        | MapFlags.MAP_NORESERVE | MapFlags.MAP_POPULATE | MapFlags.MAP_NONBLOCK | MapFlags.MAP_STACK | MapFlags.MAP_HUGETLB;

    private const int ResidencyChunk = 256;

    [Syscall(9, "mmap", Returns = Returns.Address, Missing = "MAP_HUGETLB, MAP_SYNC")]
    public static SysResult Mmap(
        SyscallContext context,
        [Trace(TraceFormat.Address)] ulong address,
        nuint length,
        MapProtection protection,
        MapFlags flags,
        Fd fd,
        ulong offset)
    {
        if ((offset & Paging.PageMask) != 0)
        {
            return Errno.EINVAL;
        }

        MapRequest request = new()
        {
            Address = address,
            Length = length,
            Access = ToAccess(context, protection),
            Options = ToOptions(flags),
            Offset = offset,
        };
        if (address < Paging.UserStart && (flags & (MapFlags.MAP_FIXED | MapFlags.MAP_FIXED_NOREPLACE)) != 0
            && context.Thread.Credentials.Has(Capability.CAP_SYS_RAWIO))
        {
            request.LowestFixed = Paging.LowestMappable;
        }

        Errno error = (flags & MapFlags.MAP_ANONYMOUS) != 0 ? SetAnonymous(flags, ref request) : SetFile(context, fd, flags, ref request);
        if (error != Errno.None)
        {
            return error;
        }

        if ((flags & MapFlags.MAP_LOCKED) != 0)
        {
            error = CheckLock(context, length, alreadyLocked: 0);
            if (error != Errno.None)
            {
                // mmap(2) has other names than mlock(2) for the same.
                return error == Errno.ENOMEM ? Errno.EAGAIN : error;
            }

            request.Flags |= VmaFlags.Locked;
        }

        error = context.Memory.Space.Map(request, out ulong result);
        return error != Errno.None ? error : (long)result;
    }

    [Syscall(10, "mprotect")]
    public static SysResult Mprotect(
        SyscallContext context, [Trace(TraceFormat.Address)] ulong address, nuint length, MapProtection protection)
    {
        if ((address & Paging.PageMask) != 0)
        {
            return Errno.EINVAL;
        }

        if (length == 0)
        {
            return SysResult.Success;
        }

        // No mapping grows upwards on x86.
        if ((protection & ~(AccessBits | MapProtection.PROT_SEM | MapProtection.PROT_GROWSDOWN)) != 0)
        {
            return Errno.EINVAL;
        }

        return context.Memory.Space.Protect(address, length, ToAccess(context, protection), (protection & GrowBits) != 0);
    }

    [Syscall(11, "munmap")]
    public static SysResult Munmap(SyscallContext context, [Trace(TraceFormat.Address)] ulong address, nuint length) =>
        context.Memory.Space.Unmap(address, length);

    [Syscall(12, "brk", Returns = Returns.Address)]
    public static SysResult Brk(SyscallContext context, [Trace(TraceFormat.Address)] ulong address) =>
        (long)context.Memory.Space.SetBreak(address);

    [Syscall(25, "mremap", Returns = Returns.Address)]
    public static SysResult Mremap(
        SyscallContext context,
        [Trace(TraceFormat.Address)] ulong oldAddress,
        nuint oldLength,
        nuint newLength,
        MremapFlags flags,
        [OnlyWith(nameof(flags), (ulong)MremapFlags.MREMAP_FIXED), Trace(TraceFormat.Address)] ulong newAddress)
    {
        if ((flags & ~(MremapFlags.MREMAP_MAYMOVE | MremapFlags.MREMAP_FIXED | MremapFlags.MREMAP_DONTUNMAP)) != 0)
        {
            return Errno.EINVAL;
        }

        RemapOptions options = ((flags & MremapFlags.MREMAP_MAYMOVE) != 0 ? RemapOptions.MayMove : RemapOptions.None)
            | ((flags & MremapFlags.MREMAP_FIXED) != 0 ? RemapOptions.Fixed : RemapOptions.None)
            | ((flags & MremapFlags.MREMAP_DONTUNMAP) != 0 ? RemapOptions.DontUnmap : RemapOptions.None);
        Errno error = context.Memory.Space.Remap(oldAddress, oldLength, newLength, options, newAddress, out ulong address);
        return error != Errno.None ? error : (long)address;
    }

    [Syscall(26, "msync")]
    public static SysResult Msync(SyscallContext context, [Trace(TraceFormat.Address)] ulong address, nuint length, MsyncFlags flags)
    {
        const MsyncFlags Both = MsyncFlags.MS_ASYNC | MsyncFlags.MS_SYNC;
        if ((flags & ~(Both | MsyncFlags.MS_INVALIDATE)) != 0 || (flags & Both) == Both || (address & Paging.PageMask) != 0)
        {
            return Errno.EINVAL;
        }

        AddressSpace space = context.Memory.Space;
        if (length != 0 && (flags & MsyncFlags.MS_INVALIDATE) != 0 && space.HasLocked(address, length))
        {
            return Errno.EBUSY;
        }

        // Mapped pages are the file's storage: nothing is ever out of step.
        return length == 0 || space.IsMapped(address, length) ? SysResult.Success : Errno.ENOMEM;
    }

    [Syscall(27, "mincore")]
    public static SysResult Mincore(SyscallContext context, [Trace(TraceFormat.Address)] ulong address, nuint length, UserPtr<byte> vector)
    {
        AddressSpace space = context.Memory.Space;
        if ((address & Paging.PageMask) != 0)
        {
            return Errno.EINVAL;
        }

        if (length != 0 && !space.IsMapped(address, length))
        {
            return Errno.ENOMEM;
        }

        Span<byte> chunk = stackalloc byte[ResidencyChunk];
        ulong pages = Paging.RoundUp(length) >> Paging.PageShift;
        for (ulong done = 0; done < pages; done += ResidencyChunk)
        {
            int count = (int)Math.Min(pages - done, ResidencyChunk);
            for (int i = 0; i < count; i++)
            {
                chunk[i] = space.IsResident(address + ((done + (ulong)i) << Paging.PageShift)) ? (byte)1 : (byte)0;
            }

            if (!context.Memory.TryWrite<byte>(new UserPtr<byte>(vector.Address + done), chunk.Slice(0, count)))
            {
                return Errno.EFAULT;
            }
        }

        return SysResult.Success;
    }

    [Syscall(28, "madvise")]
    public static SysResult Madvise(
        SyscallContext context, [Trace(TraceFormat.Address)] ulong address, nuint length, MadviseAdvice advice) =>
        context.Memory.Space.Advise(address, length, advice);

    [Syscall(149, "mlock")]
    public static SysResult Mlock(SyscallContext context, [Trace(TraceFormat.Address)] ulong address, nuint length) =>
        Lock(context, address, length, isLocked: true, populates: true);

    [Syscall(150, "munlock")]
    public static SysResult Munlock(SyscallContext context, [Trace(TraceFormat.Address)] ulong address, nuint length) =>
        Lock(context, address, length, isLocked: false, populates: false);

    [Syscall(151, "mlockall")]
    public static SysResult Mlockall(SyscallContext context, MlockallFlags flags)
    {
        const MlockallFlags Which = MlockallFlags.MCL_CURRENT | MlockallFlags.MCL_FUTURE;
        if ((flags & Which) == 0 || (flags & ~(Which | MlockallFlags.MCL_ONFAULT)) != 0)
        {
            return Errno.EINVAL;
        }

        AddressSpace space = context.Memory.Space;
        bool isCurrent = (flags & MlockallFlags.MCL_CURRENT) != 0;
        Errno error = CheckLock(context, isCurrent ? space.Size : 0, alreadyLocked: space.LockedSize);
        if (error == Errno.None && isCurrent)
        {
            error = space.SetLocked(0, Paging.UserEnd, isLocked: true);
        }

        if (error != Errno.None)
        {
            return error;
        }

        // Pages stay once they are there; with MCL_ONFAULT they come when they are touched, as they do anyway.
        bool onFault = (flags & MlockallFlags.MCL_ONFAULT) != 0;
        space.LocksNewMappings = (flags & MlockallFlags.MCL_FUTURE) != 0;
        space.PopulatesNewMappings = space.LocksNewMappings && !onFault;
        if (isCurrent && !onFault)
        {
            space.PopulateAll();
        }

        return SysResult.Success;
    }

    [Syscall(152, "munlockall")]
    public static SysResult Munlockall(SyscallContext context)
    {
        AddressSpace space = context.Memory.Space;
        space.LocksNewMappings = false;
        space.PopulatesNewMappings = false;
        return space.SetLocked(0, Paging.UserEnd, isLocked: false);
    }

    [Syscall(325, "mlock2")]
    public static SysResult Mlock2(SyscallContext context, [Trace(TraceFormat.Address)] ulong address, nuint length, MlockFlags flags) =>
        (flags & ~MlockFlags.MLOCK_ONFAULT) != 0
            ? Errno.EINVAL
            : Lock(context, address, length, isLocked: true, populates: flags == MlockFlags.None);

    private static PageAccess ToAccess(SyscallContext context, MapProtection protection)
    {
        bool impliesExecution = (protection & MapProtection.PROT_READ) != 0 && (context.Process.Persona & Persona.READ_IMPLIES_EXEC) != 0;
        return (PageAccess)(protection & AccessBits) | (impliesExecution ? PageAccess.Execute : PageAccess.None);
    }

    private static MapOptions ToOptions(MapFlags flags)
    {
        MapOptions options = MapOptions.None;
        if ((flags & (MapFlags.MAP_FIXED | MapFlags.MAP_FIXED_NOREPLACE | MapFlags.MAP_32BIT | MapFlags.MAP_POPULATE
            | MapFlags.MAP_LOCKED)) == 0)
        {
            return options;
        }

        if ((flags & MapFlags.MAP_FIXED_NOREPLACE) != 0)
        {
            options |= MapOptions.FixedNoReplace;
        }
        else if ((flags & MapFlags.MAP_FIXED) != 0)
        {
            options |= MapOptions.Fixed;
        }

        if ((flags & MapFlags.MAP_32BIT) != 0)
        {
            options |= MapOptions.Low;
        }

        // MAP_NONBLOCK takes MAP_POPULATE back (mmap(2)).
        if ((flags & MapFlags.MAP_LOCKED) != 0 || (flags & (MapFlags.MAP_POPULATE | MapFlags.MAP_NONBLOCK)) == MapFlags.MAP_POPULATE)
        {
            options |= MapOptions.Populate;
        }

        return options;
    }

    private static Errno SetAnonymous(MapFlags flags, ref MapRequest request)
    {
        request.Offset = 0;
        switch (flags & MapFlags.MAP_TYPE)
        {
            case MapFlags.MAP_PRIVATE:
                request.Flags = (flags & MapFlags.MAP_GROWSDOWN) != 0 ? VmaFlags.GrowsDown : VmaFlags.None;
                break;
            case MapFlags.MAP_SHARED:
                if ((flags & MapFlags.MAP_GROWSDOWN) != 0)
                {
                    return Errno.EINVAL;
                }

                request.Flags = VmaFlags.Shared;
                break;
            default:
                return Errno.EINVAL;
        }

        if ((flags & MapFlags.MAP_NORESERVE) != 0)
        {
            request.Flags |= VmaFlags.NoReserve;
        }

        return (flags & MapFlags.MAP_HUGETLB) != 0 ? RefuseHugePages(flags, request.Length) : Errno.None;
    }

    /// <summary>Says why there are no huge pages: the pool is empty for the sizes that the CPU has, and the others do not exist.</summary>
    private static Errno RefuseHugePages(MapFlags flags, ulong length)
    {
        const int SizeShift = 26;
        const uint SizeMask = 0x3F;
        const uint TwoMebibytes = 21;
        const uint OneGibibyte = 30;
        uint size = ((uint)flags >> SizeShift) & SizeMask;
        return length == 0 || size is not (0 or TwoMebibytes or OneGibibyte) ? Errno.EINVAL : Errno.ENOMEM;
    }

    private static Errno SetFile(SyscallContext context, Fd fd, MapFlags flags, ref MapRequest request)
    {
        if (!context.Files.TryGet(fd, out OpenFile? file, out Errno error))
        {
            return error;
        }

        if (request.Length == 0 || (flags & MapFlags.MAP_HUGETLB) != 0)
        {
            return Errno.EINVAL;
        }

        switch (flags & MapFlags.MAP_TYPE)
        {
            case MapFlags.MAP_PRIVATE:
                break;
            case MapFlags.MAP_SHARED_VALIDATE when (flags & ~KnownFlags) != 0:
                return Errno.EOPNOTSUPP;
            case MapFlags.MAP_SHARED or MapFlags.MAP_SHARED_VALIDATE:
                if (!file.CanWrite || !file.AllowsSharedWriting)
                {
                    if (file.CanWrite && (request.Access & PageAccess.Write) != 0)
                    {
                        return file.SharedWritingError;
                    }

                    if ((request.Access & PageAccess.Write) != 0)
                    {
                        return Errno.EACCES;
                    }

                    request.MaxAccess &= ~PageAccess.Write;
                }

                request.Flags = VmaFlags.Shared;
                break;
            default:
                return Errno.EINVAL;
        }

        if (!file.CanRead)
        {
            return Errno.EACCES;
        }

        if (file.MapsAnonymousMemory)
        {
            return SetAnonymous(request.Flags == VmaFlags.Shared ? MapFlags.MAP_SHARED : MapFlags.MAP_PRIVATE, ref request);
        }

        if (file.Mappable is null)
        {
            return file.MapError;
        }

        if ((flags & MapFlags.MAP_GROWSDOWN) != 0)
        {
            return Errno.EINVAL;
        }

        if ((flags & MapFlags.MAP_NORESERVE) != 0)
        {
            request.Flags |= VmaFlags.NoReserve;
        }

        request.Object = file.Mappable;
        return Errno.None;
    }

    /// <summary>Checks the limit of locked memory (mlock(2), RLIMIT_MEMLOCK).</summary>
    /// <param name="alreadyLocked">Bytes of these that are locked already.</param>
    private static Errno CheckLock(SyscallContext context, ulong bytes, ulong alreadyLocked)
    {
        ulong limit = context.Process.Limits[RlimitResource.RLIMIT_MEMLOCK].rlim_cur;
        if (context.Thread.Credentials.Has(Capability.CAP_IPC_LOCK))
        {
            return Errno.None;
        }

        if (limit == 0)
        {
            return Errno.EPERM;
        }

        return Paging.RoundUp(bytes) + context.Memory.Space.LockedSize - alreadyLocked <= limit ? Errno.None : Errno.ENOMEM;
    }

    /// <summary>Pages are never taken away, so that locking them is bringing them in and taking note.</summary>
    private static SysResult Lock(SyscallContext context, ulong address, nuint length, bool isLocked, bool populates)
    {
        ulong start = Paging.RoundDown(address);
        ulong inPage = address - start;

        // A length that wraps is one of 0, as in Linux.
        ulong size = Paging.RoundUp(unchecked(length + inPage));
        if (start + size < start)
        {
            return Errno.EINVAL;
        }

        if (size == 0)
        {
            return SysResult.Success;
        }

        AddressSpace space = context.Memory.Space;
        Errno error = isLocked ? CheckLock(context, size, space.CountLocked(start, start + size)) : Errno.None;
        if (error == Errno.None)
        {
            // What lies before a hole is done, as Linux does it.
            error = space.SetLocked(start, start + size, isLocked);
        }

        if (error == Errno.None && !space.IsMapped(start, size))
        {
            error = Errno.ENOMEM;
        }

        if (error != Errno.None)
        {
            return error;
        }

        if (!populates)
        {
            return SysResult.Success;
        }

        return space.Populate(start, start + size) switch
        {
            Errno.None => SysResult.Success,

            // mlock(2): some or all of the pages could not be locked.
            Errno.ENOMEM => Errno.EAGAIN,
            _ => Errno.ENOMEM,
        };
    }
}

namespace Semitone.Abi;

/// <summary>What a program may do with a mapping (mmap(2), mprotect(2)).</summary>
[Flags]
public enum MapProtection : uint
{
    PROT_NONE = 0,
    PROT_EXEC = 0x4,
    PROT_READ = 0x1,
    PROT_WRITE = 0x2,
    PROT_SEM = 0x8,
    PROT_GROWSDOWN = 0x100_0000,
    PROT_GROWSUP = 0x200_0000,
}

/// <summary>Flags of mmap(2).</summary>
[Flags]
public enum MapFlags : uint
{
    None = 0,
    [FieldMask]
    MAP_TYPE = 0xF,
    MAP_SHARED = 0x1,
    MAP_PRIVATE = 0x2,
    MAP_SHARED_VALIDATE = 0x3,
    MAP_ANONYMOUS = 0x20,
    MAP_DENYWRITE = 0x800,
    MAP_EXECUTABLE = 0x1000,
    MAP_FIXED = 0x10,
    MAP_FIXED_NOREPLACE = 0x10_0000,
    MAP_32BIT = 0x40,
    MAP_GROWSDOWN = 0x100,
    MAP_LOCKED = 0x2000,
    MAP_NORESERVE = 0x4000,
    MAP_POPULATE = 0x8000,
    MAP_NONBLOCK = 0x1_0000,
    MAP_STACK = 0x2_0000,
    MAP_HUGETLB = 0x4_0000,
    MAP_SYNC = 0x8_0000,
}

/// <summary>Flags of mremap(2).</summary>
[Flags]
public enum MremapFlags : uint
{
    None = 0,
    MREMAP_MAYMOVE = 1,
    MREMAP_FIXED = 2,
    MREMAP_DONTUNMAP = 4,
}

/// <summary>Flags of msync(2).</summary>
[Flags]
public enum MsyncFlags : uint
{
    None = 0,
    MS_ASYNC = 1,
    MS_INVALIDATE = 2,
    MS_SYNC = 4,
}

/// <summary>Advice of madvise(2).</summary>
public enum MadviseAdvice : uint
{
    MADV_NORMAL = 0,
    MADV_RANDOM = 1,
    MADV_SEQUENTIAL = 2,
    MADV_WILLNEED = 3,
    MADV_DONTNEED = 4,
    MADV_FREE = 8,
    MADV_REMOVE = 9,
    MADV_DONTFORK = 10,
    MADV_DOFORK = 11,
    MADV_MERGEABLE = 12,
    MADV_UNMERGEABLE = 13,
    MADV_HUGEPAGE = 14,
    MADV_NOHUGEPAGE = 15,
    MADV_DONTDUMP = 16,
    MADV_DODUMP = 17,
    MADV_WIPEONFORK = 18,
    MADV_KEEPONFORK = 19,
    MADV_COLD = 20,
    MADV_PAGEOUT = 21,
    MADV_POPULATE_READ = 22,
    MADV_POPULATE_WRITE = 23,
    MADV_DONTNEED_LOCKED = 24,
    MADV_COLLAPSE = 25,
    MADV_HWPOISON = 100,
    MADV_SOFT_OFFLINE = 101,
}

/// <summary>Flags of mlock2(2).</summary>
[Flags]
public enum MlockFlags : uint
{
    None = 0,
    MLOCK_ONFAULT = 1,
}

/// <summary>Flags of mlockall(2).</summary>
[Flags]
public enum MlockallFlags : uint
{
    None = 0,
    MCL_CURRENT = 1,
    MCL_FUTURE = 2,
    MCL_ONFAULT = 4,
}

/// <summary>Flags of memfd_create(2).</summary>
[Flags]
public enum MemfdFlags : uint
{
    None = 0,
    MFD_CLOEXEC = 1,
    MFD_ALLOW_SEALING = 2,
    MFD_HUGETLB = 4,
    MFD_NOEXEC_SEAL = 8,
    MFD_EXEC = 0x10,
}

/// <summary>Commands of membarrier(2).</summary>
[Flags]
public enum MembarrierCommand : uint
{
    MEMBARRIER_CMD_QUERY = 0,
    MEMBARRIER_CMD_GLOBAL = 0x1,
    MEMBARRIER_CMD_GLOBAL_EXPEDITED = 0x2,
    MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED = 0x4,
    MEMBARRIER_CMD_PRIVATE_EXPEDITED = 0x8,
    MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED = 0x10,
    MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE = 0x20,
    MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE = 0x40,
    MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ = 0x80,
    MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ = 0x100,
}

namespace Semitone.Abi;

/// <summary>Flags of the calls that get an object of System V IPC by its key; the low nine bits are its permissions (sysvipc(7)).</summary>
[Flags]
public enum IpcFlags
{
    None = 0,
    IPC_CREAT = 0x200,
    IPC_EXCL = 0x400,
    IPC_NOWAIT = 0x800,
    SHM_HUGETLB = 0x800,
    SHM_NORESERVE = 0x1000,
}

/// <summary>Keys with a meaning (sysvipc(7)).</summary>
public static class IpcKey
{
    /// <summary>A new object, whatever others there are.</summary>
    public const int IPC_PRIVATE = 0;
}

/// <summary>Commands of shmctl(2).</summary>
public enum SharedMemoryCommand
{
    IPC_RMID = 0,
    IPC_SET = 1,
    IPC_STAT = 2,
    IPC_INFO = 3,
    SHM_LOCK = 11,
    SHM_UNLOCK = 12,
    SHM_STAT = 13,
    SHM_INFO = 14,
    SHM_STAT_ANY = 15,
}

/// <summary>Commands of semctl(2).</summary>
public enum SemaphoreCommand
{
    IPC_RMID = 0,
    IPC_SET = 1,
    IPC_STAT = 2,
    IPC_INFO = 3,
    GETPID = 11,
    GETVAL = 12,
    GETALL = 13,
    GETNCNT = 14,
    GETZCNT = 15,
    SETVAL = 16,
    SETALL = 17,
    SEM_STAT = 18,
    SEM_INFO = 19,
    SEM_STAT_ANY = 20,
}

/// <summary>Commands of msgctl(2).</summary>
public enum MessageQueueCommand
{
    IPC_RMID = 0,
    IPC_SET = 1,
    IPC_STAT = 2,
    IPC_INFO = 3,
    MSG_STAT = 11,
    MSG_INFO = 12,
    MSG_STAT_ANY = 13,
}

/// <summary>How a segment is attached (shmat(2)).</summary>
[Flags]
public enum AttachFlags
{
    None = 0,
    SHM_RDONLY = 0x1000,
    SHM_RND = 0x2000,
    SHM_REMAP = 0x4000,
    SHM_EXEC = 0x8000,
}

/// <summary>What mode says of a segment besides its permissions (shmctl(2)).</summary>
[Flags]
public enum SegmentMode : uint
{
    None = 0,

    /// <summary>It goes with its last attachment.</summary>
    SHM_DEST = 0x200,
    SHM_LOCKED = 0x400,
}

/// <summary>Flags of an operation on a semaphore (semop(2)).</summary>
[Flags]
public enum SemaphoreFlags : short
{
    None = 0,
    IPC_NOWAIT = 0x800,
    SEM_UNDO = 0x1000,
}

/// <summary>Flags of msgsnd(2) and msgrcv(2).</summary>
[Flags]
public enum MessageQueueFlags
{
    None = 0,
    IPC_NOWAIT = 0x800,
    MSG_NOERROR = 0x1000,
    MSG_EXCEPT = 0x2000,
    MSG_COPY = 0x4000,
}

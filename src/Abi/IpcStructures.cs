using System.Runtime.InteropServices;

namespace Semitone.Abi;

/// <summary>Whose an object of System V IPC is, and who may use it (struct ipc64_perm; sysvipc(7)).</summary>
[StructLayout(LayoutKind.Sequential, Size = 48)]
public struct IpcPerm
{
    public int key;
    public uint uid;
    public uint gid;
    public uint cuid;
    public uint cgid;
    public uint mode;
    public ushort seq;
}

/// <summary>What shmctl(2) tells of a segment (struct shmid64_ds).</summary>
[StructLayout(LayoutKind.Sequential, Size = 112)]
public struct ShmidDs
{
    public IpcPerm shm_perm;
    public ulong shm_segsz;
    public long shm_atime;
    public long shm_dtime;
    public long shm_ctime;
    public int shm_cpid;
    public int shm_lpid;
    public ulong shm_nattch;
}

/// <summary>The limits of shared memory (struct shminfo64, IPC_INFO in shmctl(2)).</summary>
[StructLayout(LayoutKind.Sequential, Size = 72)]
public struct Shminfo
{
    public ulong shmmax;
    public ulong shmmin;
    public ulong shmmni;
    public ulong shmseg;
    public ulong shmall;
}

/// <summary>What shared memory takes (struct shm_info, SHM_INFO in shmctl(2)).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct ShmInfo
{
    public int used_ids;
    public ulong shm_tot;
    public ulong shm_rss;
    public ulong shm_swp;
    public ulong swap_attempts;
    public ulong swap_successes;
}

/// <summary>What semctl(2) tells of an array of semaphores (struct semid64_ds).</summary>
[StructLayout(LayoutKind.Explicit, Size = 104)]
public struct SemidDs
{
    [FieldOffset(0)]
    public IpcPerm sem_perm;
    [FieldOffset(48)]
    public long sem_otime;
    [FieldOffset(64)]
    public long sem_ctime;
    [FieldOffset(80)]
    public ulong sem_nsems;
}

/// <summary>One operation on a semaphore (struct sembuf, semop(2)).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct Sembuf
{
    public ushort sem_num;
    public short sem_op;
    public SemaphoreFlags sem_flg;
}

/// <summary>The limits of semaphores (struct seminfo, IPC_INFO and SEM_INFO in semctl(2)).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct Seminfo
{
    public int semmap;
    public int semmni;
    public int semmns;
    public int semmnu;
    public int semmsl;
    public int semopm;
    public int semume;
    public int semusz;
    public int semvmx;
    public int semaem;
}

/// <summary>What msgctl(2) tells of a queue (struct msqid64_ds).</summary>
[StructLayout(LayoutKind.Sequential, Size = 120)]
public struct MsqidDs
{
    public IpcPerm msg_perm;
    public long msg_stime;
    public long msg_rtime;
    public long msg_ctime;
    public ulong msg_cbytes;
    public ulong msg_qnum;
    public ulong msg_qbytes;
    public int msg_lspid;
    public int msg_lrpid;
}

/// <summary>The limits of message queues (struct msginfo, IPC_INFO and MSG_INFO in msgctl(2)).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct Msginfo
{
    public int msgpool;
    public int msgmap;
    public int msgmax;
    public int msgmnb;
    public int msgmni;
    public int msgssz;
    public int msgtql;
    public ushort msgseg;
}

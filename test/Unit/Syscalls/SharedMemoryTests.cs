using Semitone.Abi;
using Semitone.Unit.Tasks;
using static Semitone.Abi.SyscallNumber;

namespace Semitone.Unit.Syscalls;

/// <summary>Shared memory of System V IPC: attachments, who counts them, when a segment goes.</summary>
public sealed class SharedMemoryTests
{
    private const ulong Make = (ulong)IpcFlags.IPC_CREAT | 0x180;
    private const ulong Told = Guest.Data + 0x800;
    private const ulong Place = 0x5000_0000;

    private readonly Guest _guest = new();
    private readonly Caller _caller = new();

    [Fact]
    public void Attach_Twice_ShowsTheSamePages() => _caller.Run(c =>
    {
        ulong id = (ulong)c.Succeeds(shmget, 5, 10000, Make);
        ulong first = (ulong)c.Succeeds(shmat, id, 0, 0);
        ulong second = (ulong)c.Succeeds(shmat, id, 0, (ulong)AttachFlags.SHM_RDONLY);
        c.Guest.Write(first + 9999, (byte)7);
        Assert.Equal(7, c.Guest.Read<byte>(second + 9999));
        Assert.False(c.Guest.Memory.TryWrite(new UserPtr<byte>(second), (byte)1));
        Assert.Equal(2UL, Stat(c, id).shm_nattch);
        c.Succeeds(munmap, second + 0x1000, 0x1000);
        Assert.Equal(3UL, Stat(c, id).shm_nattch);
        c.Succeeds(shmdt, second);
        c.Fails(Errno.EINVAL, shmdt, second);
        Assert.Equal(1UL, Stat(c, id).shm_nattch);
        Assert.Contains("/SYSV00000005 (deleted)", c.ReadFile("/proc/self/maps"));
        Assert.Contains("10000", c.ReadFile("/proc/sysvipc/shm"));
    });

    [Fact]
    public void Remove_Attached_GoesWithTheLastAttachment() => _caller.Run(c =>
    {
        long free = c.Guest.System.Frames.FreeCount;
        ulong id = (ulong)c.Succeeds(shmget, 5, 0x4000, Make);
        ulong place = (ulong)c.Succeeds(shmat, id, 0, 0);
        for (ulong page = 0; page < 4; page++)
        {
            c.Guest.Write(place + (page * 0x1000), (byte)1);
        }

        c.Succeeds(shmctl, id, (ulong)SharedMemoryCommand.IPC_RMID);
        c.Fails(Errno.ENOENT, shmget, 5, 0, 0);
        Assert.Equal((uint)SegmentMode.SHM_DEST | 0x180, Stat(c, id).shm_perm.mode);
        ulong again = (ulong)c.Succeeds(shmat, id, 0, 0);
        c.Succeeds(shmdt, place);
        Assert.Equal(1, c.Guest.Read<byte>(again));
        c.Succeeds(shmdt, again);
        c.Fails(Errno.EINVAL, shmctl, id, (ulong)SharedMemoryCommand.IPC_STAT, Told);
        Assert.Equal(0, c.Guest.System.Ipc.SegmentPageCount);
        Assert.InRange(free - c.Guest.System.Frames.FreeCount, 0, 3);
    });

    [Fact]
    public void Attach_Places_AreTakenAsLinuxTakesThem() => _caller.Run(c =>
    {
        ulong id = (ulong)c.Succeeds(shmget, 0, 0x1000, Make);
        Assert.Equal((long)Place, c.Succeeds(shmat, id, Place + 5, (ulong)AttachFlags.SHM_RND));
        c.Fails(Errno.EINVAL, shmat, id, Place, 0);
        c.Fails(Errno.EINVAL, shmat, id, Place + 5, 0);
        c.Fails(Errno.EINVAL, shmat, id, 0, (ulong)AttachFlags.SHM_REMAP);
        Assert.Equal((long)Place, c.Succeeds(shmat, id, Place, (ulong)AttachFlags.SHM_REMAP));
        Assert.Equal(1UL, Stat(c, id).shm_nattch);
        c.Fails(Errno.EINVAL, shmat, id + 1, 0, 0);
    });

    [Fact]
    public void Get_Arguments_AreCheckedInOrder() => _caller.Run(c =>
    {
        c.Fails(Errno.ENOENT, shmget, 5, 1, 0x180);
        c.Fails(Errno.EINVAL, shmget, 5, 0, Make);
        c.Fails(Errno.EINVAL, shmget, 5, ulong.MaxValue, Make);
        c.Fails(Errno.ENOMEM, shmget, 5, 1UL << 40, Make);
        long id = c.Succeeds(shmget, 5, 1, Make);
        Assert.Equal(id, c.Succeeds(shmget, 5, 1, Make));
        c.Fails(Errno.EEXIST, shmget, 5, 1, Make | (ulong)IpcFlags.IPC_EXCL);
        c.Fails(Errno.EINVAL, shmget, 5, 2, 0);
    });

    [Fact]
    public void Fork_ChildEnds_IsCounted()
    {
        ulong count = 0;
        _guest.Children.Enqueue((_, script) => script.Do(() => count = Count()));
        _guest.Main.Call(shmget, 0, 0x1000, Make).Call(shmat, 0, Place, 0).Call(fork).Call(wait4, ulong.MaxValue, 0, 0, 0)
            .Do(() => Assert.Equal(1UL, Count()));
        _guest.Run();
        Assert.Equal(2UL, count);
    }

    private static ShmidDs Stat(Caller caller, ulong id)
    {
        caller.Succeeds(shmctl, id, (ulong)SharedMemoryCommand.IPC_STAT, Told);
        return caller.Guest.Read<ShmidDs>(Told);
    }

    private ulong Count() => (ulong)_guest.System.Ipc.Segments[0]!.AttachCount;
}

using Semitone.Abi;

namespace Semitone.Unit.Syscalls;

/// <summary>Locked pages, low addresses, huge pages that are not there, and futexes in pages that cannot be touched.</summary>
public sealed class LockedMemoryTests
{
    private const ulong Page = Paging.PageSize;
    private const ulong ReadWrite = 3;
    private const ulong Anonymous = (ulong)(MapFlags.MAP_ANONYMOUS | MapFlags.MAP_PRIVATE);
    private const ulong Fixed = Anonymous | (ulong)MapFlags.MAP_FIXED;
    private const ulong NoFd = ulong.MaxValue;

    private readonly Caller _caller = new();

    [Theory]
    [InlineData(MadviseAdvice.MADV_DONTNEED, Errno.EINVAL)]
    [InlineData(MadviseAdvice.MADV_FREE, Errno.EINVAL)]
    [InlineData(MadviseAdvice.MADV_COLD, Errno.EINVAL)]
    [InlineData(MadviseAdvice.MADV_PAGEOUT, Errno.EINVAL)]
    [InlineData(MadviseAdvice.MADV_DONTNEED_LOCKED, Errno.None)]
    [InlineData(MadviseAdvice.MADV_WILLNEED, Errno.None)]
    public void Madvise_LockedPages_AreNotDropped(MadviseAdvice advice, Errno expected) => _caller.Run(_ =>
    {
        ulong memory = Map(4);
        _caller.Succeeds(SyscallNumber.mlock, memory + Page, Page);
        Assert.Equal(-(long)expected, _caller.Call(SyscallNumber.madvise, memory + Page, Page, (ulong)advice));
        Assert.Equal(0, _caller.Call(SyscallNumber.madvise, memory, Page, (ulong)advice));
        _caller.Succeeds(SyscallNumber.munlock, memory, 4 * Page);
        Assert.Equal(0, _caller.Call(SyscallNumber.madvise, memory + Page, Page, (ulong)advice));
    });

    [Fact]
    public void Msync_InvalidatingLockedPages_IsBusy() => _caller.Run(_ =>
    {
        ulong memory = Map(4);
        _caller.Succeeds(SyscallNumber.mlock, memory + Page, Page);
        _caller.Fails(Errno.EBUSY, SyscallNumber.msync, memory, 4 * Page, (ulong)MsyncFlags.MS_INVALIDATE);
        _caller.Succeeds(SyscallNumber.msync, memory, Page, (ulong)MsyncFlags.MS_INVALIDATE);
    });

    [Fact]
    public void Status_TellsWhatIsLocked() => _caller.Run(_ =>
    {
        ulong memory = Map(4);
        Assert.Contains("VmLck:\t       0 kB\n", _caller.ReadFile("/proc/self/status"), StringComparison.Ordinal);
        _caller.Succeeds(SyscallNumber.mlock, memory, 3 * Page);
        Assert.Contains("VmLck:\t      12 kB\n", _caller.ReadFile("/proc/self/status"), StringComparison.Ordinal);
        _caller.Succeeds(SyscallNumber.munmap, memory + Page, Page);
        Assert.Contains("VmLck:\t       8 kB\n", _caller.ReadFile("/proc/self/status"), StringComparison.Ordinal);
    });

    [Fact]
    public void Mlock_BeyondTheLimit_IsRefusedToWhoHasNoCapability() => _caller.Run(_ =>
    {
        ulong memory = Map(4);
        _caller.Process.SetLimit(RlimitResource.RLIMIT_MEMLOCK, new Rlimit { rlim_cur = 2 * Page, rlim_max = 2 * Page });
        _caller.Succeeds(SyscallNumber.mlock, memory, 4 * Page);
        _caller.Succeeds(SyscallNumber.munlock, memory, 4 * Page);
        _caller.Succeeds(SyscallNumber.setresuid, ulong.MaxValue, 1000, ulong.MaxValue);
        _caller.Succeeds(SyscallNumber.mlock, memory, 2 * Page);
        _caller.Succeeds(SyscallNumber.mlock, memory + Page, Page);
        _caller.Fails(Errno.ENOMEM, SyscallNumber.mlock, memory + Page, 2 * Page);
        _caller.Fails(Errno.ENOMEM, SyscallNumber.mlockall, (ulong)MlockallFlags.MCL_CURRENT);
        _caller.Fails(Errno.EAGAIN, SyscallNumber.mmap, 0, Page, ReadWrite, Anonymous | (ulong)MapFlags.MAP_LOCKED, NoFd);
        _caller.Process.SetLimit(RlimitResource.RLIMIT_MEMLOCK, default);
        _caller.Fails(Errno.EPERM, SyscallNumber.mlock, memory, Page);
    });

    [Theory]
    [InlineData(0UL, false, Errno.EPERM)]
    [InlineData(Page, false, Errno.None)]
    [InlineData(Page, true, Errno.EPERM)]
    [InlineData(0x1_0000UL, true, Errno.None)]
    public void Mmap_LowAddress_NeedsRawMemoryAndSparesTheFirstPage(ulong address, bool isOrdinary, Errno expected) => _caller.Run(_ =>
    {
        if (isOrdinary)
        {
            _caller.Succeeds(SyscallNumber.setresuid, ulong.MaxValue, 1000, ulong.MaxValue);
        }

        long result = _caller.Call(SyscallNumber.mmap, address, Page, ReadWrite, Fixed, NoFd);
        Assert.Equal(expected == Errno.None ? (long)address : -(long)expected, result);
    });

    [Theory]
    [InlineData(0UL, 0, Errno.EINVAL)]
    [InlineData(Page, 0, Errno.ENOMEM)]
    [InlineData(Page, 21, Errno.ENOMEM)]
    [InlineData(Page, 22, Errno.EINVAL)]
    [InlineData(Page, 30, Errno.ENOMEM)]
    public void Mmap_HugePages_AreNotThereInTheSizesThatExist(ulong length, int sizeShift, Errno expected) => _caller.Run(_ =>
    {
        ulong flags = Anonymous | (ulong)MapFlags.MAP_HUGETLB | ((ulong)sizeShift << 26);
        _caller.Fails(expected, SyscallNumber.mmap, 0, length, ReadWrite, flags, NoFd);
    });

    [Theory]
    [InlineData(MapProtection.PROT_NONE, Errno.EFAULT, Errno.EFAULT)]
    [InlineData(MapProtection.PROT_READ, Errno.EFAULT, Errno.EFAULT)]
    [InlineData(MapProtection.PROT_READ | MapProtection.PROT_WRITE, Errno.None, Errno.None)]
    public void Futex_SharedWord_MustBeOneThatCanChange(MapProtection protection, Errno wake, Errno requeue) => _caller.Run(_ =>
    {
        const ulong Private = (ulong)FutexOperation.FUTEX_PRIVATE_FLAG;
        ulong word = (ulong)_caller.Succeeds(SyscallNumber.mmap, 0, Page, (ulong)protection, Anonymous, NoFd);
        Assert.Equal(-(long)wake, _caller.Call(SyscallNumber.futex, word, (ulong)FutexOperation.FUTEX_WAKE, 1));
        Assert.Equal(0, _caller.Call(SyscallNumber.futex, word, (ulong)FutexOperation.FUTEX_WAKE | Private, 1));
        Assert.Equal(-(long)requeue, _caller.Call(SyscallNumber.futex, Caller.Buffer, (ulong)FutexOperation.FUTEX_REQUEUE, 1, 1, word));
    });

    [Fact]
    public void Futex_WordBeyondTheFile_Faults() => _caller.Run(_ =>
    {
        ulong fd = (ulong)_caller.Succeeds(SyscallNumber.memfd_create, _caller.Text("m"), 0);
        _caller.Succeeds(SyscallNumber.ftruncate, fd, Page);
        ulong map = (ulong)_caller.Succeeds(SyscallNumber.mmap, 0, 2 * Page, ReadWrite, (ulong)MapFlags.MAP_SHARED, fd);
        _caller.Succeeds(SyscallNumber.futex, map, (ulong)FutexOperation.FUTEX_WAKE, 1);
        _caller.Fails(Errno.EFAULT, SyscallNumber.futex, map + Page, (ulong)FutexOperation.FUTEX_WAKE, 1);
    });

    private ulong Map(ulong pages) => (ulong)_caller.Succeeds(SyscallNumber.mmap, 0, pages * Page, ReadWrite, Anonymous, NoFd);
}

using Semitone.Abi;
using Semitone.Files;
using Semitone.Memory;
using Semitone.Unit.Tasks;

namespace Semitone.Unit.Syscalls;

/// <summary>mmap(2) and its family as a program calls them.</summary>
public sealed class MemorySyscallTests
{
    private const ulong Page = Paging.PageSize;
    private const ulong Free = 0x2000_0000;
    private const ulong ReadWrite = (ulong)(MapProtection.PROT_READ | MapProtection.PROT_WRITE);
    private const ulong Anonymous = (ulong)(MapFlags.MAP_ANONYMOUS | MapFlags.MAP_PRIVATE);
    private const ulong NoFd = ulong.MaxValue;

    private readonly Guest _guest = new();

    [Fact]
    public void Mmap_Anonymous_CanBeUsedAndUnmapped()
    {
        Call(SyscallNumber.mmap, Free, 2 * Page, ReadWrite, Anonymous, NoFd);
        Call(SyscallNumber.munmap, Free, 2 * Page);
        Run((long)Free, 0);
        Assert.Null(_guest.Process.AddressSpace.FindVma(Free));
    }

    [Theory]
    [InlineData(0UL, Anonymous, NoFd, 0UL, Errno.EINVAL)]
    [InlineData(Page, Anonymous, NoFd, 1UL, Errno.EINVAL)]
    [InlineData(Page, (ulong)MapFlags.MAP_ANONYMOUS, NoFd, 0UL, Errno.EINVAL)]
    [InlineData(Page, (ulong)(MapFlags.MAP_ANONYMOUS | MapFlags.MAP_SHARED_VALIDATE), NoFd, 0UL, Errno.EINVAL)]
    [InlineData(Page, (ulong)(MapFlags.MAP_ANONYMOUS | MapFlags.MAP_SHARED | MapFlags.MAP_GROWSDOWN), NoFd, 0UL, Errno.EINVAL)]
    [InlineData(Page, Anonymous | (ulong)MapFlags.MAP_HUGETLB, NoFd, 0UL, Errno.ENOMEM)]
    [InlineData(ulong.MaxValue, Anonymous, NoFd, 0UL, Errno.ENOMEM)]
    [InlineData(Page, (ulong)MapFlags.MAP_PRIVATE, NoFd, 0UL, Errno.EBADF)]
    [InlineData(Page, (ulong)MapFlags.MAP_PRIVATE, 77UL, 0UL, Errno.EBADF)]
    public void Mmap_BadArguments_Fail(ulong length, ulong flags, ulong fd, ulong offset, Errno expected)
    {
        Call(SyscallNumber.mmap, 0, length, ReadWrite, flags, fd, offset);
        Run(-(long)expected);
    }

    [Theory]
    [InlineData(OpenFlags.O_RDONLY, MapFlags.MAP_PRIVATE, ReadWrite, Errno.None)]
    [InlineData(OpenFlags.O_RDONLY, MapFlags.MAP_SHARED, 1UL, Errno.None)]
    [InlineData(OpenFlags.O_RDONLY, MapFlags.MAP_SHARED, ReadWrite, Errno.EACCES)]
    [InlineData(OpenFlags.O_WRONLY, MapFlags.MAP_PRIVATE, 1UL, Errno.EACCES)]
    [InlineData(OpenFlags.O_WRONLY, MapFlags.MAP_SHARED, ReadWrite, Errno.EACCES)]
    [InlineData(OpenFlags.O_RDWR, MapFlags.MAP_SHARED, ReadWrite, Errno.None)]
    [InlineData(OpenFlags.O_RDWR, MapFlags.MAP_SHARED_VALIDATE, ReadWrite, Errno.None)]
    [InlineData(OpenFlags.O_RDWR, MapFlags.MAP_SHARED_VALIDATE | MapFlags.MAP_SYNC, ReadWrite, Errno.EOPNOTSUPP)]
    [InlineData(OpenFlags.O_RDWR, MapFlags.MAP_PRIVATE | MapFlags.MAP_GROWSDOWN, ReadWrite, Errno.EINVAL)]
    [InlineData(OpenFlags.O_RDWR, MapFlags.None, ReadWrite, Errno.EINVAL)]
    [InlineData(OpenFlags.O_PATH, MapFlags.MAP_PRIVATE, 1UL, Errno.EBADF)]
    public void Mmap_File_IsCheckedAgainstHowItWasOpened(OpenFlags open, MapFlags flags, ulong protection, Errno expected)
    {
        ulong fd = Open("/other", open);
        Call(SyscallNumber.mmap, Free, Page, protection, (ulong)flags, fd);
        Run(expected == Errno.None ? (long)Free : -(long)expected);
    }

    [Fact]
    public void Mmap_Directory_HasNoPages()
    {
        ulong fd = Open("/", OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY);
        Call(SyscallNumber.mmap, Free, Page, 1, (ulong)MapFlags.MAP_PRIVATE, fd);
        Run(-(long)Errno.ENODEV);
    }

    [Fact]
    public void Mmap_File_ShowsItsBytesAfterItIsClosed()
    {
        ulong fd = Open("/hello", OpenFlags.O_RDONLY);
        Call(SyscallNumber.mmap, Free, Page, 1, (ulong)MapFlags.MAP_PRIVATE, fd);
        _guest.Main.Do(() => _guest.Process.Files.Close(new Fd((int)fd)));
        uint seen = 0;
        _guest.Main.Do(() => seen = _guest.Read<uint>(Free));
        Run((long)Free);
        Assert.Equal(0x464C_457FU, seen);
    }

    [Fact]
    public void Mprotect_SharedMappingOfAReadOnlyFile_NeverGetsWritable()
    {
        ulong fd = Open("/hello", OpenFlags.O_RDONLY);
        Call(SyscallNumber.mmap, Free, Page, 1, (ulong)MapFlags.MAP_SHARED, fd);
        Call(SyscallNumber.mprotect, Free, Page, ReadWrite);
        Call(SyscallNumber.mprotect, Free, Page, 5);
        Run((long)Free, -(long)Errno.EACCES, 0);
    }

    [Theory]
    [InlineData(Free + 1, Page, 1UL, Errno.EINVAL)]
    [InlineData(Free, 0UL, 1UL, Errno.None)]
    [InlineData(Free, Page, 0x10UL, Errno.EINVAL)]
    [InlineData(Free, Page, (ulong)MapProtection.PROT_GROWSUP, Errno.EINVAL)]
    [InlineData(Free, Page, (ulong)MapProtection.PROT_GROWSDOWN, Errno.EINVAL)]
    [InlineData(Free, 2 * Page, 1UL, Errno.ENOMEM)]
    [InlineData(Free, ulong.MaxValue, 1UL, Errno.ENOMEM)]
    [InlineData(Free, Page, 1UL | (ulong)MapProtection.PROT_SEM, Errno.None)]
    public void Mprotect_Errors_AreLinuxs(ulong address, ulong length, ulong protection, Errno expected)
    {
        Call(SyscallNumber.mmap, Free, Page, ReadWrite, Anonymous, NoFd);
        Call(SyscallNumber.mprotect, address, length, protection);
        Run((long)Free, -(long)expected);
    }

    [Fact]
    public void Brk_AnswersTheBreakWhateverHappens()
    {
        ulong start = _guest.Process.AddressSpace.Break;
        Call(SyscallNumber.brk, 0);
        Call(SyscallNumber.brk, start + 100);
        Call(SyscallNumber.brk, ulong.MaxValue);
        Run((long)start, (long)start + 100, (long)start + 100);
    }

    [Theory]
    [InlineData(8UL, Errno.EINVAL)]
    [InlineData((ulong)MremapFlags.MREMAP_FIXED, Errno.EINVAL)]
    [InlineData((ulong)MremapFlags.MREMAP_DONTUNMAP, Errno.EINVAL)]
    public void Mremap_BadFlags_AreInvalid(ulong flags, Errno expected)
    {
        Call(SyscallNumber.mmap, Free, Page, ReadWrite, Anonymous, NoFd);
        Call(SyscallNumber.mremap, Free, Page, 2 * Page, flags, Free + (16 * Page));
        Run((long)Free, -(long)expected);
    }

    [Fact]
    public void Mremap_Fixed_Moves()
    {
        Call(SyscallNumber.mmap, Free, Page, ReadWrite, Anonymous, NoFd);
        Call(
            SyscallNumber.mremap,
            Free,
            Page,
            2 * Page,
            (ulong)(MremapFlags.MREMAP_FIXED | MremapFlags.MREMAP_MAYMOVE),
            Free + (16 * Page));
        Run((long)Free, (long)(Free + (16 * Page)));
    }

    [Theory]
    [InlineData(Free, Page, (ulong)MsyncFlags.MS_SYNC, Errno.None)]
    [InlineData(Free, Page, (ulong)(MsyncFlags.MS_SYNC | MsyncFlags.MS_ASYNC), Errno.EINVAL)]
    [InlineData(Free, Page, 8UL, Errno.EINVAL)]
    [InlineData(Free + 1, Page, 0UL, Errno.EINVAL)]
    [InlineData(Free, 2 * Page, (ulong)MsyncFlags.MS_ASYNC, Errno.ENOMEM)]
    public void Msync_Errors_AreLinuxs(ulong address, ulong length, ulong flags, Errno expected)
    {
        Call(SyscallNumber.mmap, Free, Page, ReadWrite, Anonymous, NoFd);
        Call(SyscallNumber.msync, address, length, flags);
        Run((long)Free, -(long)expected);
    }

    [Fact]
    public void Mincore_TellsWhichPagesAreThere()
    {
        Call(SyscallNumber.mmap, Free, 3 * Page, ReadWrite, Anonymous, NoFd);
        _guest.Main.Do(() => _guest.Write(Free + Page, (byte)1));
        Call(SyscallNumber.mincore, Free, 3 * Page, Guest.Data);
        Call(SyscallNumber.mincore, Free, 4 * Page, Guest.Data);
        Call(SyscallNumber.mincore, Free, Page, 8);
        Call(SyscallNumber.mincore, Free + 1, Page, Guest.Data);
        uint seen = 0;
        _guest.Main.Do(() => seen = _guest.Read<uint>(Guest.Data));
        Run((long)Free, 0, -(long)Errno.ENOMEM, -(long)Errno.EFAULT, -(long)Errno.EINVAL);
        Assert.Equal(0x0000_0100U, seen & 0xFF_FFFF);
    }

    [Fact]
    public void Mlock_BringsPagesIn()
    {
        Call(SyscallNumber.mmap, Free, 4 * Page, ReadWrite, Anonymous, NoFd);
        Call(SyscallNumber.mlock, Free + 10, Page);
        bool isThere = false;
        _guest.Main.Do(() => isThere = _guest.Process.AddressSpace.IsResident(Free) && _guest.Process.AddressSpace.IsResident(Free + Page));
        Call(SyscallNumber.mlock, Free, 5 * Page);
        Call(SyscallNumber.mlock, Free, ulong.MaxValue);
        Call(SyscallNumber.munlock, Free, Page);
        Call(SyscallNumber.mlock2, Free, Page, 2);
        Call(SyscallNumber.mlock2, Free, Page, 1);
        Run((long)Free, 0, -(long)Errno.ENOMEM, 0, 0, -(long)Errno.EINVAL, 0);
        Assert.True(isThere);
    }

    [Fact]
    public void Mlockall_Future_PopulatesNewMappings()
    {
        Call(SyscallNumber.mlockall, 0);
        Call(SyscallNumber.mlockall, 4);
        Call(SyscallNumber.mlockall, 3);
        Call(SyscallNumber.mmap, Free, Page, ReadWrite, Anonymous, NoFd);
        bool isThere = false;
        _guest.Main.Do(() => isThere = _guest.Process.AddressSpace.IsResident(Free));
        Call(SyscallNumber.munlockall);
        Run(-(long)Errno.EINVAL, -(long)Errno.EINVAL, 0, (long)Free, 0);
        Assert.True(isThere);
        Assert.False(_guest.Process.AddressSpace.PopulatesNewMappings);
    }

    private void Call(SyscallNumber number, ulong a0 = 0, ulong a1 = 0, ulong a2 = 0, ulong a3 = 0, ulong a4 = 0, ulong a5 = 0) =>
        _guest.Main.Call(number, a0, a1, a2, a3, a4, a5);

    private ulong Open(string path, OpenFlags flags)
    {
        FileSystemContext files = _guest.Process.FileSystem;
        Errno error = files.Open(files.Root, System.Text.Encoding.UTF8.GetBytes(path), flags, default, out OpenFile? file);
        Assert.Equal(Errno.None, error);
        Assert.Equal(Errno.None, _guest.Process.Files.Add(file!, false, out Fd fd));
        return (ulong)fd.Number;
    }

    private void Run(params long[] expected)
    {
        _guest.Run();
        Assert.Equal(expected, _guest.Main.Results);
    }
}

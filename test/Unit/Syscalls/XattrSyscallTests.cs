using Semitone.Abi;
using Semitone.Unit.Tasks;

namespace Semitone.Unit.Syscalls;

/// <summary>Extended attributes on file systems that have none: what Linux answers there.</summary>
public sealed class XattrSyscallTests
{
    private const ulong Path = Guest.Data;
    private const ulong Name = Guest.Data + 0x100;
    private const ulong Missing = Guest.Data + 0x200;
    private const ulong LongName = Guest.Data + 0x300;
    private const ulong Empty = Guest.Data + 0x700;

    private readonly Guest _guest = new();

    public XattrSyscallTests()
    {
        Put(Path, "/hello\0"u8);
        Put(Name, "system.posix_acl_access\0"u8);
        Put(Missing, "/missing\0"u8);
        byte[] name = new byte[257];
        Array.Fill(name, (byte)'x', 0, 256);
        Put(LongName, name);
    }

    [Fact]
    public void Get_FileIsThere_SaysNotSupported() => Check((Errno.EOPNOTSUPP, SyscallNumber.getxattr, [Path, Name]));

    [Fact]
    public void Get_NoFile_SaysSo() => Check((Errno.ENOENT, SyscallNumber.lgetxattr, [Missing, Name]));

    [Fact]
    public void Get_ClosedDescriptor_SaysSo() => Check((Errno.EBADF, SyscallNumber.fgetxattr, [77, Name]));

    [Fact]
    public void Get_NameTooLongOrEmpty_IsOutOfRange()
    {
        Check((Errno.ERANGE, SyscallNumber.getxattr, [Path, LongName]), (Errno.ERANGE, SyscallNumber.getxattr, [Path, Empty]));
    }

    [Fact]
    public void Get_WildName_Faults() => Check((Errno.EFAULT, SyscallNumber.getxattr, [Path, 0x10]));

    [Fact]
    public void Set_UnknownFlag_IsInvalid() => Check((Errno.EINVAL, SyscallNumber.setxattr, [Path, Name, 0, 0, 4]));

    [Fact]
    public void Set_LargeValue_IsTooBig() => Check((Errno.E2BIG, SyscallNumber.setxattr, [Path, Name, 0, 65537]));

    [Fact]
    public void List_FileIsThere_IsEmpty()
    {
        Check((Errno.None, SyscallNumber.listxattr, [Path, 0, 0]), (Errno.ENOENT, SyscallNumber.listxattr, [Missing, 0, 0]));
    }

    private void Put(ulong address, ReadOnlySpan<byte> bytes) => Assert.True(_guest.Memory.TryWrite(new UserPtr<byte>(address), bytes));

    private void Check(params (Errno Expected, SyscallNumber Number, ulong[] Arguments)[] calls)
    {
        foreach ((_, SyscallNumber number, ulong[] arguments) in calls)
        {
            ulong[] padded = [.. arguments, 0, 0, 0];
            _guest.Main.Call(number, padded[0], padded[1], padded[2], padded[3], padded[4]);
        }

        _guest.Run();
        Assert.Equal(calls.Select(call => -(long)call.Expected), _guest.Main.Results);
    }
}

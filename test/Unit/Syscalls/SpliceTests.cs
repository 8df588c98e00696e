using Semitone.Abi;
using Semitone.Unit.Tasks;
using static Semitone.Abi.SyscallNumber;

namespace Semitone.Unit.Syscalls;

/// <summary>splice(2), tee(2), vmsplice(2), and the seals of memfd_create(2).</summary>
public sealed class SpliceTests
{
    private const ulong Now = (ulong)SpliceFlags.SPLICE_F_NONBLOCK;

    private readonly Caller _caller = new();

    [Fact]
    public void Splice_FileToPipeToFile_MovesBytesAndOffsets() => _caller.Run(c =>
    {
        (ulong reader, ulong writer) = Pipe(c);
        ulong source = c.Open("/a", OpenFlags.O_CREAT | OpenFlags.O_RDWR);
        ulong target = c.Open("/b", OpenFlags.O_CREAT | OpenFlags.O_RDWR);
        c.Guest.Memory.CopyOut(Caller.Buffer, "hello world"u8);
        c.Succeeds(write, source, Caller.Buffer, 11);
        ulong offset = Caller.Buffer + 0x100;
        c.Guest.Write(offset, 6L);
        Assert.Equal(5, c.Succeeds(splice, source, offset, writer, 0, 100, 0));
        Assert.Equal(11L, c.Guest.Read<long>(offset));
        Assert.Equal(2, c.Succeeds(splice, reader, 0, target, 0, 2, 0));
        Assert.Equal(3, c.Succeeds(splice, reader, 0, target, 0, 100, 0));
        Assert.Equal(5, c.Succeeds(pread64, target, Caller.Buffer, 100, 0));
        Assert.Equal("world", c.Read(Caller.Buffer, 5));
        c.Fails(Errno.EAGAIN, splice, reader, 0, target, 0, 1, Now);
        c.Succeeds(close, writer);
        Assert.Equal(0, c.Succeeds(splice, reader, 0, target, 0, 1, 0));
    });

    [Fact]
    public void Tee_LeavesTheBytes() => _caller.Run(c =>
    {
        (ulong reader, ulong writer) = Pipe(c);
        (ulong otherReader, ulong otherWriter) = Pipe(c);
        c.Guest.Memory.CopyOut(Caller.Buffer, "twice"u8);
        c.Succeeds(write, writer, Caller.Buffer, 5);
        Assert.Equal(5, c.Succeeds(tee, reader, otherWriter, 100, 0));
        Assert.Equal(3, c.Succeeds(splice, reader, 0, otherWriter, 0, 3, 0));
        Assert.Equal(2, c.Succeeds(read, reader, Caller.Buffer, 100));
        Assert.Equal("ce", c.Read(Caller.Buffer, 2));
        Assert.Equal(8, c.Succeeds(read, otherReader, Caller.Buffer, 100));
        Assert.Equal("twicetwi", c.Read(Caller.Buffer, 8));
        c.Fails(Errno.EINVAL, tee, reader, writer, 1, 0);
        c.Fails(Errno.EINVAL, splice, reader, 0, writer, 0, 1, 0);
        c.Fails(Errno.EAGAIN, tee, reader, otherWriter, 1, Now);
    });

    [Fact]
    public void SpliceMemory_BothWays_Copies() => _caller.Run(c =>
    {
        (ulong reader, ulong writer) = Pipe(c);
        c.Guest.Memory.CopyOut(Caller.Buffer, "memory"u8);
        c.Guest.Write(Caller.Buffer + 0x100, new UserSpan(Caller.Buffer, 6));
        Assert.Equal(6, c.Succeeds(vmsplice, writer, Caller.Buffer + 0x100, 1, 0));
        c.Guest.Write(Caller.Buffer + 0x100, new UserSpan(Caller.Buffer + 0x200, 100));
        Assert.Equal(6, c.Succeeds(vmsplice, reader, Caller.Buffer + 0x100, 1, 0));
        Assert.Equal("memory", c.Read(Caller.Buffer + 0x200, 6));
        c.Fails(Errno.EBADF, vmsplice, c.Open("/a", OpenFlags.O_CREAT | OpenFlags.O_RDWR), Caller.Buffer + 0x100, 1, 0);
        c.Fails(Errno.EINVAL, vmsplice, reader, Caller.Buffer + 0x100, 1, 16);
    });

    [Fact]
    public void Seals_OfExecution_HoldTheMode() => _caller.Run(c =>
    {
        ulong file = (ulong)c.Succeeds(memfd_create, c.Text("m"), (ulong)MemfdFlags.MFD_NOEXEC_SEAL);
        Assert.Equal((long)MemfdSeals.F_SEAL_EXEC, c.Succeeds(fcntl, file, (ulong)FcntlCommand.F_GET_SEALS));
        Assert.Equal(0x1B6u, (uint)(c.GetStat(file).st_mode & (Mode)0x1FF));
        c.Fails(Errno.EPERM, fchmod, file, 0x1FF);
        c.Succeeds(fchmod, file, 0x180);
        file = (ulong)c.Succeeds(memfd_create, c.Text("m"), (ulong)(MemfdFlags.MFD_EXEC | MemfdFlags.MFD_ALLOW_SEALING));
        c.Succeeds(fcntl, file, (ulong)FcntlCommand.F_ADD_SEALS, (ulong)MemfdSeals.F_SEAL_EXEC);
        Assert.Equal(0x3E, c.Succeeds(fcntl, file, (ulong)FcntlCommand.F_GET_SEALS));
        c.Fails(Errno.EINVAL, memfd_create, c.Text("m"), (ulong)(MemfdFlags.MFD_EXEC | MemfdFlags.MFD_NOEXEC_SEAL));
        c.Fails(Errno.ENOSYS, memfd_create, c.Text("m"), (ulong)MemfdFlags.MFD_HUGETLB);
    });

    private static (ulong Reader, ulong Writer) Pipe(Caller caller)
    {
        caller.Succeeds(pipe, Caller.Buffer);
        return (caller.Guest.Read<uint>(Caller.Buffer), caller.Guest.Read<uint>(Caller.Buffer + 4));
    }
}

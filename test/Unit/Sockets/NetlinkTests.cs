using System.Buffers.Binary;
using Semitone.Abi;
using Semitone.Unit.Syscalls;

namespace Semitone.Unit.Sockets;

/// <summary>What getifaddrs(3) and ip(8) ask, and hear (rtnetlink(7)).</summary>
public sealed class NetlinkTests
{
    private const ulong Buffer = Caller.Buffer;
    private const ulong Family = (ulong)AddressFamily.AF_NETLINK;
    private const ulong Raw = (ulong)SocketType.SOCK_RAW;
    private const ushort GetLink = 18;
    private const ushort GetAddress = 22;
    private const ushort DumpRequest = 0x301;
    private const int Multi = 2;

    [Fact]
    public void GetLink_Dump_TellsOfTheLoopBackAndEnds() => Run(program =>
    {
        ulong fd = (ulong)program.Succeeds(SyscallNumber.socket, Family, Raw);
        Ask(program, fd, GetLink, DumpRequest, 0);
        byte[] link = Receive(program, fd);
        Assert.Equal((16, Multi, 7, program.Process.Pid), ReadHeader(link));
        Assert.Equal(772, BinaryPrimitives.ReadUInt16LittleEndian(link.AsSpan(18)));
        Assert.Equal(1, BinaryPrimitives.ReadInt32LittleEndian(link.AsSpan(20)));
        Assert.Equal(0x10049u, BinaryPrimitives.ReadUInt32LittleEndian(link.AsSpan(24)));
        Assert.Equal("lo\0"u8.ToArray(), link[36..39]);
        byte[] done = Receive(program, fd);
        Assert.Equal((3, Multi, 7, program.Process.Pid), ReadHeader(done));
        Assert.Equal(20, done.Length);
        program.Fails(Errno.EAGAIN, SyscallNumber.recvfrom, fd, Buffer, 100, (ulong)MessageFlags.MSG_DONTWAIT);
    });

    [Fact]
    public void GetAddress_OfOneFamily_TellsOfThatOnly() => Run(program =>
    {
        ulong fd = (ulong)program.Succeeds(SyscallNumber.socket, Family, Raw);
        Ask(program, fd, GetAddress, DumpRequest, (byte)AddressFamily.AF_INET);
        byte[] address = Receive(program, fd);
        Assert.Equal(address.Length, BinaryPrimitives.ReadInt32LittleEndian(address));
        Assert.Equal((byte[])[2, 8, 0x80, 254, 1, 0, 0, 0, 8, 0, 1, 0, 127, 0, 0, 1], address[16..32]);
    });

    [Fact]
    public void GetLink_UnknownInterface_IsAnError() => Run(program =>
    {
        ulong fd = (ulong)program.Succeeds(SyscallNumber.socket, Family, Raw);
        Ask(program, fd, GetLink, 1, 0, index: 99);
        byte[] error = Receive(program, fd);
        Assert.Equal(2, BinaryPrimitives.ReadUInt16LittleEndian(error.AsSpan(4)));
        Assert.Equal(-(int)Errno.ENODEV, BinaryPrimitives.ReadInt32LittleEndian(error.AsSpan(16)));
    });

    private static void Run(Action<Caller> program)
    {
        Caller caller = new();
        caller.Run(program);
    }

    private static void Ask(Caller program, ulong fd, ushort type, ushort flags, byte family, int index = 0)
    {
        program.Guest.Write(Buffer, 32);
        program.Guest.Write(Buffer + 4, type);
        program.Guest.Write(Buffer + 6, flags);
        program.Guest.Write(Buffer + 8, 7);
        program.Guest.Write(Buffer + 12, 0);
        program.Guest.Write(Buffer + 16, (int)family);
        program.Guest.Write(Buffer + 20, index);
        program.Guest.Write(Buffer + 24, 0L);
        Assert.Equal(32, program.Succeeds(SyscallNumber.sendto, fd, Buffer, 32));
    }

    private static byte[] Receive(Caller program, ulong fd)
    {
        long length = program.Succeeds(SyscallNumber.recvfrom, fd, Buffer, 0x800, (ulong)MessageFlags.MSG_DONTWAIT);
        byte[] bytes = new byte[length];
        Assert.Equal(bytes.Length, program.Guest.Memory.CopyIn(Buffer, bytes));
        return bytes;
    }

    private static (int Type, int Flags, int Sequence, int Port) ReadHeader(byte[] message) => (
        BinaryPrimitives.ReadUInt16LittleEndian(message.AsSpan(4)),
        BinaryPrimitives.ReadUInt16LittleEndian(message.AsSpan(6)),
        BinaryPrimitives.ReadInt32LittleEndian(message.AsSpan(8)),
        BinaryPrimitives.ReadInt32LittleEndian(message.AsSpan(12)));
}

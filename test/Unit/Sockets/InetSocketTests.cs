using System.Buffers.Binary;
using Semitone.Abi;
using Semitone.Unit.Syscalls;

namespace Semitone.Unit.Sockets;

/// <summary>Sockets of TCP and UDP over the loop back, by their system calls.</summary>
public sealed class InetSocketTests
{
    private const ulong Buffer = Caller.Buffer;
    private const ulong Name = Caller.Buffer + 0x400;
    private const ulong Length = Caller.Buffer + 0x480;
    private const ulong NameLength = 16;
    private const ulong Inet = (ulong)AddressFamily.AF_INET;
    private const ulong Stream = (ulong)(SocketType.SOCK_STREAM | SocketType.SOCK_NONBLOCK);
    private const ulong Datagrams = (ulong)(SocketType.SOCK_DGRAM | SocketType.SOCK_NONBLOCK);

    [Fact]
    public void Stream_ConnectedOverTheLoopBack_CarriesBytesBothWays() => Run(program =>
    {
        (ulong client, ulong server) = Connect(program);
        program.Succeeds(SyscallNumber.write, client, program.Text("hello"), 5);
        Assert.Equal(5, program.Succeeds(SyscallNumber.read, server, Buffer, 100));
        Assert.Equal("hello", program.Read(Buffer, 5));
        program.Fails(Errno.EAGAIN, SyscallNumber.read, server, Buffer, 100);
        program.Succeeds(SyscallNumber.shutdown, server, (ulong)ShutdownHow.SHUT_WR);
        Assert.Equal(0, program.Succeeds(SyscallNumber.read, client, Buffer, 100));
        program.Succeeds(SyscallNumber.write, client, Buffer, 1);
        Assert.Equal(1, program.Succeeds(SyscallNumber.read, server, Buffer, 100));
    });

    /// <summary>As on Linux, where the answer comes before connect(2) returns and is not told by it.</summary>
    [Fact]
    public void Connect_NobodyListens_IsToldLater() => Run(program =>
    {
        ulong client = (ulong)program.Succeeds(SyscallNumber.socket, Inet, Stream);
        WriteName(program, 1);
        program.Fails(Errno.EINPROGRESS, SyscallNumber.connect, client, Name, NameLength);
        program.Guest.Write(Length, 4);
        program.Succeeds(
            SyscallNumber.getsockopt, client, (ulong)SocketLevel.SOL_SOCKET, (ulong)SocketOption.SO_ERROR, Buffer, Length);
        Assert.Equal((int)Errno.ECONNREFUSED, program.Guest.Read<int>(Buffer));
    });

    [Fact]
    public void Bind_PortInUse_IsRefused() => Run(program =>
    {
        ulong first = (ulong)program.Succeeds(SyscallNumber.socket, Inet, Stream);
        ulong second = (ulong)program.Succeeds(SyscallNumber.socket, Inet, Stream);
        WriteName(program, 0);
        program.Succeeds(SyscallNumber.bind, first, Name, NameLength);
        WriteName(program, GetPort(program, first));
        program.Fails(Errno.EADDRINUSE, SyscallNumber.bind, second, Name, NameLength);
        program.Succeeds(SyscallNumber.close, first);
        program.Succeeds(SyscallNumber.bind, second, Name, NameLength);
    });

    [Fact]
    public void Datagram_Sent_ComesWithItsSender() => Run(program =>
    {
        ulong receiver = (ulong)program.Succeeds(SyscallNumber.socket, Inet, Datagrams);
        ulong sender = (ulong)program.Succeeds(SyscallNumber.socket, Inet, Datagrams);
        WriteName(program, 0);
        program.Succeeds(SyscallNumber.bind, receiver, Name, NameLength);
        WriteName(program, GetPort(program, receiver));
        program.Fails(Errno.EDESTADDRREQ, SyscallNumber.write, sender, Buffer, 1);
        Assert.Equal(3, program.Succeeds(SyscallNumber.sendto, sender, program.Text("one"), 3, 0, Name, NameLength));
        program.Guest.Write(Length, 16);
        Assert.Equal(2, program.Succeeds(SyscallNumber.recvfrom, receiver, Buffer, 2, 0, Name, Length));
        Assert.Equal("on", program.Read(Buffer, 2));
        int from = ReadPort(program);
        Assert.Equal(GetPort(program, sender), from);
        program.Fails(Errno.EAGAIN, SyscallNumber.recvfrom, receiver, Buffer, 2);
    });

    private static void Run(Action<Caller> program)
    {
        Caller caller = new();
        caller.Run(program);
    }

    private static (ulong Client, ulong Server) Connect(Caller program)
    {
        ulong listener = (ulong)program.Succeeds(SyscallNumber.socket, Inet, Stream);
        ulong client = (ulong)program.Succeeds(SyscallNumber.socket, Inet, Stream);
        WriteName(program, 0);
        program.Succeeds(SyscallNumber.bind, listener, Name, NameLength);
        program.Succeeds(SyscallNumber.listen, listener, 1);
        WriteName(program, GetPort(program, listener));
        program.Fails(Errno.EINPROGRESS, SyscallNumber.connect, client, Name, NameLength);
        ulong server = (ulong)program.Succeeds(SyscallNumber.accept4, listener, 0, 0, (ulong)SocketType.SOCK_NONBLOCK);
        program.Succeeds(SyscallNumber.close, listener);
        return (client, server);
    }

    private static void WriteName(Caller program, int port)
    {
        program.Guest.Write(Name, (ushort)AddressFamily.AF_INET);
        program.Guest.Write(Name + 2, BinaryPrimitives.ReverseEndianness((ushort)port));
        program.Guest.Write(Name + 4, 0x0100_007F);
    }

    private static int GetPort(Caller program, ulong fd)
    {
        program.Guest.Write(Length, 16);
        program.Succeeds(SyscallNumber.getsockname, fd, Name, Length);
        return ReadPort(program);
    }

    private static int ReadPort(Caller program) => BinaryPrimitives.ReverseEndianness(program.Guest.Read<ushort>(Name + 2));
}

using Semitone.Abi;
using Semitone.Unit.Syscalls;
using Semitone.Unit.Tasks;

namespace Semitone.Unit.Sockets;

/// <summary>Sockets of AF_UNIX (unix(7)), by their system calls.</summary>
public sealed class UnixSocketTests
{
    private const ulong Buffer = Caller.Buffer;
    private const ulong Header = Caller.Buffer + 0x400;
    private const ulong Control = Caller.Buffer + 0x500;
    private const ulong Unix = (ulong)AddressFamily.AF_UNIX;
    private const ulong NonBlocking = (ulong)SocketType.SOCK_NONBLOCK;

    [Fact]
    public void Stream_WrittenInPieces_IsReadAsOne() => Run(program =>
    {
        (ulong one, ulong other) = Pair(program, SocketType.SOCK_STREAM);
        program.Succeeds(SyscallNumber.write, one, program.Text("one"), 3);
        program.Succeeds(SyscallNumber.write, one, program.Text("two"), 3);
        Assert.Equal(6, program.Succeeds(SyscallNumber.read, other, Buffer, 100));
        Assert.Equal("onetwo", program.Read(Buffer, 6));
        program.Fails(Errno.EAGAIN, SyscallNumber.read, other, Buffer, 100);
    });

    [Theory]
    [InlineData(SocketType.SOCK_DGRAM)]
    [InlineData(SocketType.SOCK_SEQPACKET)]
    public void Messages_AreReadOneByOne_AndCut(SocketType type) => Run(program =>
    {
        (ulong one, ulong other) = Pair(program, type);
        program.Succeeds(SyscallNumber.write, one, program.Text("first"), 5);
        program.Succeeds(SyscallNumber.write, one, program.Text("second"), 6);
        ulong flags = (ulong)(MessageFlags.MSG_TRUNC | MessageFlags.MSG_PEEK);
        Assert.Equal(5, program.Succeeds(SyscallNumber.recvfrom, other, Buffer, 2, flags));
        Assert.Equal(2, program.Succeeds(SyscallNumber.read, other, Buffer, 2));
        Assert.Equal(6, program.Succeeds(SyscallNumber.read, other, Buffer, 100));
    });

    [Fact]
    public void Close_WithSomethingUnread_ResetsThePeer() => Run(program =>
    {
        (ulong one, ulong other) = Pair(program, SocketType.SOCK_STREAM);
        program.Succeeds(SyscallNumber.write, one, Buffer, 1);
        program.Succeeds(SyscallNumber.close, other);
        program.Fails(Errno.ECONNRESET, SyscallNumber.read, one, Buffer, 1);
        Assert.Equal(0, program.Succeeds(SyscallNumber.read, one, Buffer, 1));
        program.Fails(Errno.EPIPE, SyscallNumber.sendto, one, Buffer, 1, (ulong)MessageFlags.MSG_NOSIGNAL);
    });

    [Fact]
    public void Descriptors_InACircle_AreClosed() => Run(program =>
    {
        program.Succeeds(SyscallNumber.pipe2, Buffer, (ulong)OpenFlags.O_NONBLOCK);
        ulong reader = program.Guest.Read<uint>(Buffer);
        ulong writer = program.Guest.Read<uint>(Buffer + 4);
        (ulong one, ulong other) = Pair(program, SocketType.SOCK_STREAM);

        // The socket lies in its own queue, with the only writing end of the pipe.
        Send(program, one, (int)other, (int)writer);
        program.Succeeds(SyscallNumber.close, writer);
        program.Succeeds(SyscallNumber.close, one);
        program.Fails(Errno.EAGAIN, SyscallNumber.read, reader, Buffer, 1);
        program.Succeeds(SyscallNumber.close, other);
        Assert.Equal(0, program.Succeeds(SyscallNumber.read, reader, Buffer, 1));
    });

    /// <summary>As long as the circle, or part of it, has a descriptor somewhere, all of it stays.</summary>
    [Fact]
    public void Descriptors_InACircleThatIsReachable_Stay() => Run(program =>
    {
        program.Succeeds(SyscallNumber.pipe2, Buffer, (ulong)OpenFlags.O_NONBLOCK);
        ulong reader = program.Guest.Read<uint>(Buffer);
        ulong writer = program.Guest.Read<uint>(Buffer + 4);
        (ulong one, ulong other) = Pair(program, SocketType.SOCK_STREAM);
        (ulong third, ulong fourth) = Pair(program, SocketType.SOCK_DGRAM);
        Send(program, one, (int)other, (int)writer);
        Send(program, third, (int)other);
        foreach (ulong fd in (ulong[])[writer, one, other, third])
        {
            program.Succeeds(SyscallNumber.close, fd);
        }

        program.Fails(Errno.EAGAIN, SyscallNumber.read, reader, Buffer, 1);
        program.Succeeds(SyscallNumber.close, fourth);
        Assert.Equal(0, program.Succeeds(SyscallNumber.read, reader, Buffer, 1));
    });

    /// <summary>Sockets in queues of sockets in queues: closing the first must not go down into the others by calls.</summary>
    [Fact]
    public void Descriptors_InALongChain_AreClosed() => Run(program =>
    {
        (ulong one, ulong other) = Pair(program, SocketType.SOCK_STREAM);
        for (int i = 0; i < 2000; i++)
        {
            (ulong next, ulong nextOther) = Pair(program, SocketType.SOCK_STREAM);
            Send(program, next, (int)other, (int)one);
            program.Succeeds(SyscallNumber.close, one);
            program.Succeeds(SyscallNumber.close, other);
            (one, other) = (next, nextOther);
        }

        program.Succeeds(SyscallNumber.close, one);
        program.Succeeds(SyscallNumber.close, other);
    });

    [Fact]
    public void Message_MemoryEndsInTheMiddle_IsNotSent() => Run(program =>
    {
        (ulong one, ulong other) = Pair(program, SocketType.SOCK_DGRAM);
        program.Fails(Errno.EFAULT, SyscallNumber.write, one, Guest.StackTop - 10, 20);
        program.Fails(Errno.EAGAIN, SyscallNumber.read, other, Buffer, 100);
        program.Succeeds(SyscallNumber.write, one, Buffer, 20);
        program.Fails(Errno.EFAULT, SyscallNumber.read, other, Guest.StackTop - 10, 20);
        Assert.Equal(20, program.Succeeds(SyscallNumber.read, other, Buffer, 100));
    });

    [Fact]
    public void Bind_Path_IsFoundUntilItIsUnlinked() => Run(program =>
    {
        ulong listener = (ulong)program.Succeeds(SyscallNumber.socket, Unix, (ulong)SocketType.SOCK_STREAM | NonBlocking);
        ulong name = program.Text("\u0001\0/tmp/s");
        program.Succeeds(SyscallNumber.bind, listener, name, 9);
        program.Succeeds(SyscallNumber.listen, listener, 1);
        ulong client = (ulong)program.Succeeds(SyscallNumber.socket, Unix, (ulong)SocketType.SOCK_STREAM);
        program.Fails(Errno.EADDRINUSE, SyscallNumber.bind, client, name, 9);
        program.Succeeds(SyscallNumber.connect, client, name, 9);
        program.Fails(Errno.EISCONN, SyscallNumber.connect, client, name, 9);
        program.Succeeds(SyscallNumber.accept, listener);
        program.Fails(Errno.ENXIO, SyscallNumber.open, program.Text("/tmp/s"));
        program.Succeeds(SyscallNumber.unlink, program.Text("/tmp/s"));
        program.Fails(Errno.ENOENT, SyscallNumber.connect, client, name, 9);
    });

    private static void Run(Action<Caller> program)
    {
        Caller caller = new();
        caller.Run(program);
    }

    private static (ulong One, ulong Other) Pair(Caller program, SocketType type)
    {
        program.Succeeds(SyscallNumber.socketpair, Unix, (ulong)type | NonBlocking, 0, Buffer);
        return (program.Guest.Read<uint>(Buffer), program.Guest.Read<uint>(Buffer + 4));
    }

    /// <summary>Sends a byte with descriptors.</summary>
    private static void Send(Caller program, ulong fd, params int[] files)
    {
        ulong vector = Header + 0x80;
        program.Guest.Write(vector, new Iovec { iov_base = Buffer, iov_len = 1 });
        program.Guest.Write(Control, new Cmsghdr
        {
            cmsg_len = (ulong)(16 + (files.Length * sizeof(int))),
            cmsg_level = SocketLevel.SOL_SOCKET,
            cmsg_type = (int)ControlMessageType.SCM_RIGHTS,
        });
        for (int i = 0; i < files.Length; i++)
        {
            program.Guest.Write(Control + 16 + (ulong)(i * sizeof(int)), files[i]);
        }

        ulong room = (ulong)(16 + ((files.Length * sizeof(int) + 7) & ~7));
        program.Guest.Write(Header, new Msghdr { msg_iov = vector, msg_iovlen = 1, msg_control = Control, msg_controllen = room });
        program.Succeeds(SyscallNumber.sendmsg, fd, Header);
    }
}

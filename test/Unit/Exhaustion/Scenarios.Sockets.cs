using Semitone.Abi;
using Semitone.Unit.Tasks;
using static Semitone.Abi.SyscallNumber;
using static Semitone.Unit.Exhaustion.ScenarioProgram;

namespace Semitone.Unit.Exhaustion;

/// <summary>Sockets: pairs that pass descriptors, and connections by name.</summary>
internal static partial class Scenarios
{
    private const ulong Unix = (ulong)AddressFamily.AF_UNIX;
    private const ulong Stream = (ulong)SocketType.SOCK_STREAM;

    private static IEnumerable<Call> Sockets(ScenarioProgram p)
    {
        yield return Do(socketpair, Unix, Stream, 0, Data);
        ulong one = p.Guest.Read<uint>(Data);
        ulong other = p.Guest.Read<uint>(Data + 4);
        yield return Do(sendto, one, Data, 3 * Page);
        yield return Do(recvfrom, other, Data, 2 * Page);
        yield return Do(write, one, Data, Page);
        yield return Do(read, other, Data, 3 * Page);

        // A message with a descriptor, and room for the one that comes.
        ulong header = Data + 0x700;
        WriteMessage(p, header, (int)one);
        yield return Do(sendmsg, one, header);
        WriteMessage(p, header, 0);
        yield return Do(recvmsg, other, header, (ulong)MessageFlags.MSG_PEEK);
        WriteMessage(p, header, 0);
        yield return Do(recvmsg, other, header);

        WriteMessage(p, header, (int)other);
        yield return Do(sendmmsg, one, header, 1);
        WriteMessage(p, header, 0);
        yield return Do(recvmmsg, other, header, 1);

        // Left in the queue, in a circle.
        WriteMessage(p, header, (int)other);
        yield return Do(sendmsg, one, header);
        p.Guest.Write(Data, 1);
        yield return Do(setsockopt, one, (ulong)SocketLevel.SOL_SOCKET, (ulong)SocketOption.SO_PASSCRED, Data, 4);
        p.Guest.Write(Data + 8, 4);
        yield return Do(getsockopt, one, (ulong)SocketLevel.SOL_SOCKET, (ulong)SocketOption.SO_PEERPIDFD, Data, Data + 8);
        yield return Do(shutdown, one, (ulong)ShutdownHow.SHUT_WR);
        yield return Do(close, one);
        yield return Do(close, other);
    }

    private static IEnumerable<Call> Connections(ScenarioProgram p)
    {
        ulong name = p.Text("\u0001\0\0name");
        yield return Do(socket, Unix, Stream);
        ulong listener = (ulong)p.Result;
        yield return Do(bind, listener, name, 7);
        yield return Do(listen, listener, 5);
        for (int i = 0; i < 6; i++)
        {
            yield return Do(socket, Unix, Stream);
            yield return Do(connect, (ulong)p.Result, name, 7);
        }

        p.Guest.Write(Data, 16);
        yield return Do(accept, listener, Data + 8, Data);
        ulong connection = (ulong)p.Result;
        yield return Do(accept4, listener);
        p.Guest.Write(Data, 16);
        yield return Do(getsockname, connection, Data + 8, Data);
        p.Guest.Write(Data, 16);
        yield return Do(getpeername, connection, Data + 8, Data);
        yield return Do(socket, Unix, (ulong)SocketType.SOCK_DGRAM);
        ulong datagrams = (ulong)p.Result;
        yield return Do(bind, datagrams, name, 2);
        yield return Do(bind, datagrams, p.Text("\u0001\0/p"), 5);
        yield return Do(sendto, datagrams, Data, 10, 0, p.Text("\u0001\0\0none"), 7);
        yield return Do(socket, Unix, (ulong)SocketType.SOCK_SEQPACKET);
        yield return Do(bind, (ulong)p.Result, p.Text("\u0001\0/p"), 5);
        yield return Do(unlink, p.Text("/p"));
        yield return Do(close, listener);
    }

    /// <summary>Writes a message of one byte with one descriptor.</summary>
    private static void WriteMessage(ScenarioProgram p, ulong address, int fd)
    {
        const int ControlSize = 24;
        ulong vector = address + 0x80;
        ulong control = address + 0xA0;
        p.Guest.Write(vector, new Iovec { iov_base = Data, iov_len = 1 });
        Cmsghdr rights = new() { cmsg_len = 20, cmsg_level = SocketLevel.SOL_SOCKET, cmsg_type = (int)ControlMessageType.SCM_RIGHTS };
        p.Guest.Write(control, rights);
        p.Guest.Write(control + 16, (ulong)fd);
        p.Guest.Write(address, new Msghdr { msg_iov = vector, msg_iovlen = 1, msg_control = control, msg_controllen = ControlSize });
    }
}

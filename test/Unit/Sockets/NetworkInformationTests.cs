using System.Buffers.Binary;
using Semitone.Abi;
using Semitone.Unit.Syscalls;

namespace Semitone.Unit.Sockets;

/// <summary>What programs ask of interfaces and sockets: ioctl(2), /proc/net, /proc/sys/net. The bytes are those of Linux 6.18.</summary>
public sealed class NetworkInformationTests
{
    private const ulong Buffer = Caller.Buffer;
    private const ulong Value = Buffer + 16;
    private const ulong Inet = (ulong)AddressFamily.AF_INET;
    private const ulong Inet6 = (ulong)AddressFamily.AF_INET6;
    private const ulong Unix = (ulong)AddressFamily.AF_UNIX;
    private const ulong Stream = (ulong)(SocketType.SOCK_STREAM | SocketType.SOCK_NONBLOCK);
    private const ulong Datagrams = (ulong)(SocketType.SOCK_DGRAM | SocketType.SOCK_NONBLOCK);

    [Theory]
    [InlineData(IoctlRequest.SIOCGIFFLAGS, "490055555555555555555555555555555555555555555555")]
    [InlineData(IoctlRequest.SIOCGIFADDR, "020000007f00000100000000000000005555555555555555")]
    [InlineData(IoctlRequest.SIOCGIFDSTADDR, "020000007f00000100000000000000005555555555555555")]
    [InlineData(IoctlRequest.SIOCGIFBRDADDR, "020000000000000000000000000000005555555555555555")]
    [InlineData(IoctlRequest.SIOCGIFNETMASK, "02000000ff00000000000000000000005555555555555555")]
    [InlineData(IoctlRequest.SIOCGIFMETRIC, "000000005555555555555555555555555555555555555555")]
    [InlineData(IoctlRequest.SIOCGIFMTU, "000001005555555555555555555555555555555555555555")]
    [InlineData(IoctlRequest.SIOCGIFHWADDR, "040300000000000055555555555555555555555555555555")]
    [InlineData(IoctlRequest.SIOCGIFINDEX, "010000005555555555555555555555555555555555555555")]
    [InlineData(IoctlRequest.SIOCGIFTXQLEN, "e80300005555555555555555555555555555555555555555")]
    [InlineData(IoctlRequest.SIOCGIFMAP, "000000000000000000000000000000000000000000555555")]
    public void Ioctl_OfTheLoopBack_AnswersAsLinux(IoctlRequest request, string expected) => Run(program =>
    {
        ulong fd = (ulong)program.Succeeds(SyscallNumber.socket, Inet, Datagrams);
        WriteRequest(program, "lo");
        program.Succeeds(SyscallNumber.ioctl, fd, (ulong)request, Buffer);
        byte[] value = new byte[24];
        Assert.Equal(value.Length, program.Guest.Memory.CopyIn(Value, value));
        Assert.Equal(expected, Convert.ToHexStringLower(value));
    });

    [Fact]
    public void Ioctl_OfOtherFamilies_TellsOfDevicesAndNotOfAddresses() => Run(program =>
    {
        foreach (ulong family in new[] { Inet6, Unix })
        {
            ulong fd = (ulong)program.Succeeds(SyscallNumber.socket, family, Datagrams);
            WriteRequest(program, "lo");
            program.Fails(Errno.ENOTTY, SyscallNumber.ioctl, fd, (ulong)IoctlRequest.SIOCGIFADDR, Buffer);
            program.Succeeds(SyscallNumber.ioctl, fd, (ulong)IoctlRequest.SIOCGIFMTU, Buffer);
            Assert.Equal(65536, program.Guest.Read<int>(Value));
        }
    });

    [Fact]
    public void Ioctl_UnknownInterface_IsNoDevice() => Run(program =>
    {
        ulong fd = (ulong)program.Succeeds(SyscallNumber.socket, Inet, Datagrams);
        WriteRequest(program, "nix");
        program.Fails(Errno.ENODEV, SyscallNumber.ioctl, fd, (ulong)IoctlRequest.SIOCGIFADDR, Buffer);
        program.Guest.Write(Value, 99);
        program.Fails(Errno.ENODEV, SyscallNumber.ioctl, fd, (ulong)IoctlRequest.SIOCGIFNAME, Buffer);
        program.Guest.Write(Value, 1);
        program.Succeeds(SyscallNumber.ioctl, fd, (ulong)IoctlRequest.SIOCGIFNAME, Buffer);
        Assert.Equal("lo\0", program.Read(Buffer, 3));
        program.Fails(Errno.EFAULT, SyscallNumber.ioctl, fd, (ulong)IoctlRequest.SIOCGIFFLAGS, 8);
    });

    [Fact]
    public void Ioctl_List_TellsItsLengthAndFillsWhatFits() => Run(program =>
    {
        ulong fd = (ulong)program.Succeeds(SyscallNumber.socket, Inet, Datagrams);
        const ulong List = Buffer + 0x100;
        program.Guest.Write(Buffer, 0);
        program.Guest.Write(Buffer + 8, 0UL);
        program.Succeeds(SyscallNumber.ioctl, fd, (ulong)IoctlRequest.SIOCGIFCONF, Buffer);
        Assert.Equal(40, program.Guest.Read<int>(Buffer));
        program.Guest.Write(Buffer + 8, List);
        program.Succeeds(SyscallNumber.ioctl, fd, (ulong)IoctlRequest.SIOCGIFCONF, Buffer);
        Assert.Equal(40, program.Guest.Read<int>(Buffer));
        Assert.Equal("lo\0", program.Read(List, 3));
        Assert.Equal(0x0100_007F, program.Guest.Read<int>(List + 20));
        program.Guest.Write(Buffer, 39);
        program.Succeeds(SyscallNumber.ioctl, fd, (ulong)IoctlRequest.SIOCGIFCONF, Buffer);
        Assert.Equal(0, program.Guest.Read<int>(Buffer));
    });

    [Fact]
    public void ProcNet_WithoutSockets_HasTheHeadsOfLinux() => Run(program =>
    {
        const string Ends =
            "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt"
            + "   uid  timeout inode";
        Assert.Equal(Ends + "\n", program.ReadFile("/proc/net/tcp6"));
        Assert.Equal(Ends + " ref pointer drops\n", program.ReadFile("/proc/self/net/udp6"));
        Assert.Equal(
            ("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode").PadRight(149) + "\n",
            program.ReadFile("/proc/net/tcp"));
        Assert.Equal(
            "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops"
                .PadRight(127) + "\n",
            program.ReadFile("/proc/net/udp"));
        Assert.Equal(
            "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT".PadRight(127) + "\n",
            program.ReadFile("/proc/net/route"));
        Assert.Equal(
            "Inter-|   Receive                                                |  Transmit\n"
                + " face |bytes    packets errs drop fifo frame compressed multicast|"
                + "bytes    packets errs drop fifo colls carrier compressed\n"
                + "    lo:       0       0    0    0    0     0          0         0"
                + "        0       0    0    0    0     0       0          0\n",
            program.ReadFile("/proc/net/dev"));
        Assert.Equal("00000000000000000000000000000001 01 80 10 80       lo\n", program.ReadFile("/proc/net/if_inet6"));
        Assert.Equal(
            "IP address       HW type     Flags       HW address            Mask     Device\n", program.ReadFile("/proc/net/arp"));
    });

    [Fact]
    public void ProcNet_TellsOfSockets() => Run(program =>
    {
        ulong listener = (ulong)program.Succeeds(SyscallNumber.socket, Inet, Stream);
        WriteName(program, 80);
        program.Succeeds(SyscallNumber.bind, listener, Buffer, 16);
        program.Succeeds(SyscallNumber.listen, listener, 5);
        string listening = "   0: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 ";
        Assert.StartsWith(listening, Lines(program, "tcp")[1], StringComparison.Ordinal);

        ulong client = (ulong)program.Succeeds(SyscallNumber.socket, Inet, Stream);
        WriteName(program, 80);
        program.Fails(Errno.EINPROGRESS, SyscallNumber.connect, client, Buffer, 16);
        string[] lines = Lines(program, "tcp");
        Assert.Equal(4, lines.Length);
        Assert.Contains(" 0A 00000000:00000001 ", lines[1], StringComparison.Ordinal);
        Assert.Contains(lines, line => line.Contains(" 0100007F:0050 01 00000000:00000000 ", StringComparison.Ordinal));
        Assert.All(lines, line => Assert.Equal(149, line.Length));

        ulong datagrams = (ulong)program.Succeeds(SyscallNumber.socket, Inet, Datagrams);
        WriteName(program, 7);
        program.Succeeds(SyscallNumber.bind, datagrams, Buffer, 16);
        Assert.StartsWith(
            "    7: 0100007F:0007 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 ",
            Lines(program, "udp")[1],
            StringComparison.Ordinal);
        Assert.Single(Lines(program, "udp6"));
    });

    [Fact]
    public void ProcSysNet_TellsHowTheNetworkIsSet() => Run(program =>
    {
        Assert.Equal("4096\n", program.ReadFile("/proc/sys/net/core/somaxconn"));
        Assert.Equal("32768\t60999\n", program.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"));
        Assert.Equal("7200\n", program.ReadFile("/proc/sys/net/ipv4/tcp_keepalive_time"));
        Assert.Equal("cubic\n", program.ReadFile("/proc/sys/net/ipv4/tcp_congestion_control"));
        Assert.Equal("4096\t131072\t6291456\n", program.ReadFile("/proc/sys/net/ipv4/tcp_rmem"));
        Assert.Equal("0\n", program.ReadFile("/proc/sys/net/ipv4/tcp_fastopen"));
    });

    private static void Run(Action<Caller> program)
    {
        Caller caller = new();
        caller.Run(program);
    }

    private static string[] Lines(Caller program, string name) => program.ReadFile($"/proc/net/{name}").TrimEnd('\n').Split('\n');

    private static void WriteRequest(Caller program, string name)
    {
        byte[] request = new byte[40];
        request.AsSpan(16).Fill(0x55);
        System.Text.Encoding.ASCII.GetBytes(name, request);
        Assert.Equal(request.Length, program.Guest.Memory.CopyOut(Buffer, request));
    }

    private static void WriteName(Caller program, int port)
    {
        program.Guest.Write(Buffer, (ushort)AddressFamily.AF_INET);
        program.Guest.Write(Buffer + 2, BinaryPrimitives.ReverseEndianness((ushort)port));
        program.Guest.Write(Buffer + 4, 0x0100_007F);
    }
}

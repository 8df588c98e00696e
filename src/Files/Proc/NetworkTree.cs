using Semitone.Abi;

namespace Semitone.Files;

/// <summary>The files of /proc/PID/net: the same for all processes, as there is one network.</summary>
internal sealed class NetworkTree(ISystemInformation system) : TextTree
{
    private static readonly string[] s_paths =
    [
        "arp", "dev", "if_inet6", "raw", "raw6", "route", "tcp", "tcp6", "udp", "udp6",
    ];

    public override ReadOnlySpan<string> Paths => s_paths;

    public override ulong NumberBase => 0x8_0000;

    public override Errno Write(int index, TextBuilder text) => system.WriteNetwork(s_paths[index], text);

    public override Errno GetMapError(int index) => Errno.EIO;
}

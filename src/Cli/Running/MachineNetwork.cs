using System.Globalization;
using System.Text;
using System.Text.Json.Serialization;
using Semitone.BootParameters;

namespace Semitone.Cli.Running;

/// <summary>How a machine's network begins.</summary>
public enum NetworkKind
{
    /// <summary>Behind QEMU, which speaks for the machine as a user of the host: needs no rights.</summary>
    User,

    /// <summary>There is none.</summary>
    None,

    /// <summary>A bridge of the host, by way of qemu-bridge-helper.</summary>
    Bridge,

    /// <summary>A TAP device of the host.</summary>
    Tap,
}

/// <summary>
/// What a machine's network card is connected with: <c>NAME[:IP[/MASK][:GW[:DNS0[:DNS1[:HOST[:DOMAIN]]]]]]</c>, as kraft writes it.
/// </summary>
/// <param name="Kind">What it is.</param>
/// <param name="Name">What the host calls the bridge or device; empty for the others.</param>
/// <param name="Address">The value of <c>netdev.ip</c>; null where the machine asks by DHCP.</param>
/// <param name="HardwareAddress">The card's address; null for one that is made of the machine's name.</param>
/// <param name="Ports">Ports of the host that lead to the machine.</param>
public sealed record MachineNetwork(NetworkKind Kind, string Name, string? Address, string? HardwareAddress, PublishedPort[] Ports)
{
    /// <summary>Where QEMU's user network has the machine, the router and the name server.</summary>
    private const string UserAddress = "10.0.2.15/24:10.0.2.2:10.0.2.3";

    private const int MacSize = 6;

    public static MachineNetwork None { get; } = new(NetworkKind.None, "", null, null, []);

    /// <summary><see cref="Address"/> alone, without its network and what follows; empty where DHCP gives it.</summary>
    [JsonIgnore]
    public string OwnAddress => (Address ?? "").Split('/', ':')[0];

    /// <summary>Puts the flags together.</summary>
    /// <param name="network"><c>--network</c>.</param>
    /// <param name="address"><c>--ip</c>.</param>
    /// <param name="hardwareAddress"><c>--mac</c>.</param>
    /// <param name="ports"><c>--port</c>, each.</param>
    /// <param name="detectKind">Tells what a device of the host is; null for none of that name.</param>
    /// <exception cref="CommandFailedException">A value is none, or one contradicts another.</exception>
    public static MachineNetwork Parse(
        string? network, string? address, string? hardwareAddress, IEnumerable<string> ports, Func<string, NetworkKind?> detectKind)
    {
        PublishedPort[] published = [.. ports.Select(PublishedPort.Parse)];
        string? mac = hardwareAddress is null ? null : CheckHardwareAddress(hardwareAddress);
        string[] parts = (network ?? "user").Split(':', 2);
        string name = parts[0];
        string? configured = parts.Length == 2 ? parts[1] : null;
        if (address is not null)
        {
            configured = configured is null
                ? address
                : throw Wrong("--ip", "--network names an address already");
        }

        if (configured is not null && !InterfaceConfiguration.TryParse(Encoding.UTF8.GetBytes(configured), out _))
        {
            throw Wrong(
                address is null ? "--network" : "--ip", $"'{configured}' is no IP[/MASK][:GW[:DNS0[:DNS1[:HOST[:DOMAIN]]]]] of IPv4");
        }

        if (name == "none")
        {
            return configured is null && mac is null && published.Length == 0
                ? None
                : throw Wrong("--network", "none leaves no card to have an address, and no port");
        }

        if (name == "user")
        {
            return new MachineNetwork(NetworkKind.User, "", configured ?? UserAddress, mac, published);
        }

        NetworkKind kind = detectKind(name)
            ?? throw Wrong("--network", $"there is no bridge or TAP device {name} here; there are user and none besides");
        return published.Length == 0
            ? new MachineNetwork(kind, name, configured, mac, [])
            : throw Wrong("--port", $"on {name} the machine has an address of its own; ports are published on the user network");
    }

    /// <summary>The arguments by which QEMU makes the card.</summary>
    /// <param name="device">Its device for a network card.</param>
    /// <param name="machine">The machine's name; null for none.</param>
    internal IEnumerable<string> Describe(string device, string? machine)
    {
        if (Kind == NetworkKind.None)
        {
            return [];
        }

        string backend = Kind switch
        {
            NetworkKind.Bridge => $"bridge,id=net0,br={Name}",
            NetworkKind.Tap => $"tap,id=net0,ifname={Name},script=no,downscript=no",
            _ => string.Concat(Ports.Select(port => "," + port.ToForward()).Prepend("user,id=net0")),
        };
        return ["-netdev", backend, "-device", $"{device},netdev=net0,mac={HardwareAddress ?? MakeHardwareAddress(machine)}"];
    }

    /// <summary>Tells what a device of the host is, by what Linux says of it.</summary>
    internal static NetworkKind? DetectKind(string name)
    {
        bool isName = name.Length is > 0 and < 16 && name is not ("." or "..")
            && !name.Any(letter => letter is '/' or ',' || char.IsWhiteSpace(letter));
        string folder = $"/sys/class/net/{name}";
        return !isName ? null
            : Directory.Exists(folder + "/bridge") ? NetworkKind.Bridge
            : File.Exists(folder + "/tun_flags") ? NetworkKind.Tap
            : null;
    }

    /// <summary>Makes an address of those that everybody may use (IEEE 802, locally administered), the same for the same name.</summary>
    private string MakeHardwareAddress(string? machine)
    {
        if (machine is null && Kind != NetworkKind.User)
        {
            return string.Create(
                CultureInfo.InvariantCulture,
                $"52:54:00:{Random.Shared.Next(256):x2}:{Random.Shared.Next(256):x2}:{Random.Shared.Next(256):x2}");
        }

        // FNV-1a: machines on one bridge are to differ, and nothing more.
        ulong hash = 0xCBF2_9CE4_8422_2325;
        foreach (byte letter in Encoding.UTF8.GetBytes(machine ?? ""))
        {
            hash = (hash ^ letter) * 0x100_0000_01B3;
        }

        return string.Create(
            CultureInfo.InvariantCulture, $"52:54:00:{(byte)(hash >> 16):x2}:{(byte)(hash >> 8):x2}:{(byte)hash:x2}");
    }

    private static string CheckHardwareAddress(string text)
    {
        string[] parts = text.Split(':');
        bool isGood = parts.Length == MacSize
            && parts.All(part => part.Length == 2
                && byte.TryParse(part, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out _));
        if (!isGood)
        {
            throw Wrong("--mac", $"'{text}' is no address of six bytes such as 52:54:00:12:34:56");
        }

        return (byte.Parse(parts[0], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture) & 1) == 0 && text != "00:00:00:00:00:00"
            ? text
            : throw Wrong("--mac", $"'{text}' is nobody's own address");
    }

    private static CommandFailedException Wrong(string flag, string problem) => new(ExitStatus.Usage, $"{flag}: {problem}");
}

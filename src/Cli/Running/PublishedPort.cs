using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Serialization;

namespace Semitone.Cli.Running;

/// <summary>
/// A port of the host that leads to one of the machine's: <c>[ADDRESS:]HOST:GUEST[/tcp|udp]</c>, as docker and kraft write it.
/// </summary>
/// <param name="Address">The host's address that it is at.</param>
/// <param name="HostPort">The host's port.</param>
/// <param name="GuestPort">The machine's.</param>
/// <param name="IsUdp">UDP, and not TCP.</param>
public sealed record PublishedPort(string Address, ushort HostPort, ushort GuestPort, bool IsUdp)
{
    private const string EveryAddress = "0.0.0.0";

    /// <summary>The protocol's name, as flags and lists have it.</summary>
    [JsonIgnore]
    public string Protocol => IsUdp ? "udp" : "tcp";

    /// <summary>Parses a flag's value.</summary>
    /// <exception cref="CommandFailedException">It is none.</exception>
    public static PublishedPort Parse(string text)
    {
        string rest = text;
        int slash = rest.LastIndexOf('/');
        string protocol = slash < 0 ? "tcp" : rest[(slash + 1)..];
        rest = slash < 0 ? rest : rest[..slash];
        string[] parts = rest.Split(':');
        if (protocol is not ("tcp" or "udp") || parts.Length is < 2 or > 3)
        {
            throw Wrong($"'{text}' is not HOST:GUEST[/tcp|udp]");
        }

        string address = parts.Length == 3 ? parts[0] : EveryAddress;
        if (!IPAddress.TryParse(address, out IPAddress? parsed) || parsed.AddressFamily != AddressFamily.InterNetwork
            || address.Count(letter => letter == '.') != 3)
        {
            throw Wrong($"'{text}': '{address}' is no IPv4 address of this machine");
        }

        return new PublishedPort(address, ParsePort(text, parts[^2]), ParsePort(text, parts[^1]), protocol == "udp");
    }

    /// <summary>QEMU's way to say it.</summary>
    public string ToForward() => string.Create(
        CultureInfo.InvariantCulture, $"hostfwd={Protocol}:{Address}:{HostPort}-:{GuestPort}");

    /// <summary>As lists show it.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{(Address == EveryAddress ? "" : Address + ":")}{HostPort}:{GuestPort}/{Protocol}");

    /// <summary>Looks whether the host's port is free: QEMU says it in the middle of a start, and in its own words.</summary>
    /// <exception cref="CommandFailedException">It is taken, or not to be had.</exception>
    public void CheckFree()
    {
        using Socket socket = new(
            AddressFamily.InterNetwork, IsUdp ? SocketType.Dgram : SocketType.Stream, IsUdp ? ProtocolType.Udp : ProtocolType.Tcp);
        try
        {
            // As QEMU does: connections of an earlier machine that linger do not count.
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, !IsUdp);
            socket.Bind(new IPEndPoint(IPAddress.Parse(Address), HostPort));
            if (!IsUdp)
            {
                socket.Listen(1);
            }
        }
        catch (SocketException failure)
        {
            string reason = failure.SocketErrorCode switch
            {
                SocketError.AddressAlreadyInUse => $"port {HostPort} of this machine is taken",
                SocketError.AccessDenied => $"port {HostPort} is for the superuser; take one from 1024 on",
                SocketError.AddressNotAvailable => $"{Address} is no address of this machine",
                _ => failure.Message,
            };
            throw new CommandFailedException(ExitStatus.MachineFailed, $"--port {this}: {reason}");
        }
    }

    private static ushort ParsePort(string text, string part) =>
        ushort.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) && port > 0
            ? port
            : throw Wrong($"'{text}': '{part}' is no port; there are 1 to 65535");

    private static CommandFailedException Wrong(string problem) => new(ExitStatus.Usage, $"--port: {problem}");
}

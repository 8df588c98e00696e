using System.Buffers.Binary;
using Semitone.Net;
using Semitone.Network.Simulation;

namespace Semitone.Network.Dhcp;

/// <summary>A server of DHCP that does what a test asks of it.</summary>
internal sealed class TestDhcpServer : IEndpointListener
{
    private readonly SimulatedHost _host;
    private readonly UdpEndpoint _endpoint;

    public TestDhcpServer(SimulatedHost host)
    {
        _host = host;
        _endpoint = host.Udp.Create(isIpv6: false, null);
        _endpoint.AllowsBroadcast = true;
        _endpoint.Bind(IpAddress.Ipv4Any, 67, 0);
    }

    public IpAddress Address { get; set; } = SimulatedHost.Ip("10.0.0.77");

    public uint LeaseSeconds { get; set; } = 3600;

    public bool IsSilent { get; set; }

    public bool Refuses { get; set; }

    /// <summary>Changes each answer before it is sent.</summary>
    public Action<byte[]>? Spoil { get; set; }

    /// <summary>Options that each answer has besides.</summary>
    public byte[] MoreOptions { get; set; } = [];

    /// <summary>Types of what was asked, and whether it was asked by unicast.</summary>
    public List<(byte Type, bool IsUnicast)> Asked { get; } = [];

    public void OnReady(EndpointReadiness readiness)
    {
    }

    /// <summary>Answers what has come.</summary>
    public void Serve()
    {
        while (_endpoint.TryReceive(out ReceivedDatagram datagram))
        {
            byte[] request = datagram.Buffer.Bytes.ToArray();
            datagram.Buffer.Release();
            byte type = request[242];
            Asked.Add((type, !datagram.Destination.IsLimitedBroadcast));
            if (IsSilent)
            {
                continue;
            }

            byte answer = type == 1 ? (byte)2 : Refuses ? (byte)6 : (byte)5;
            byte[] reply = new byte[300 + MoreOptions.Length];
            reply[0] = 2;
            reply[1] = 1;
            reply[2] = 6;
            request.AsSpan(4, 4).CopyTo(reply.AsSpan(4));
            if (answer != 6)
            {
                Address.Write(reply.AsSpan(16));
            }

            request.AsSpan(28, 6).CopyTo(reply.AsSpan(28));
            BinaryPrimitives.WriteUInt32BigEndian(reply.AsSpan(236), 0x63825363);
            byte[] options =
            [
                53, 1, answer, 54, 4, 10, 0, 0, 2, 1, 4, 255, 255, 255, 0, 3, 4, 10, 0, 0, 2, 6, 8, 10, 0, 0, 3, 8, 8, 8, 8,
                15, 7, .. "example"u8,
                51, 4, (byte)(LeaseSeconds >> 24), (byte)(LeaseSeconds >> 16), (byte)(LeaseSeconds >> 8), (byte)LeaseSeconds,
                .. MoreOptions, 255,
            ];
            options.CopyTo(reply.AsSpan(240));
            Spoil?.Invoke(reply);
            DatagramTarget target = datagram.Source.IsAny
                ? new() { HasAddress = true, Address = IpAddress.FromIpv4(uint.MaxValue), Port = 68, InterfaceIndex = 2 }
                : new() { HasAddress = true, Address = datagram.Source, Port = 68 };
            _endpoint.Send(target, reply, default, _host.NowNs);
        }
    }
}

using Semitone.Net;
using Semitone.Network.Simulation;

namespace Semitone.Network.Wire;

public sealed class InternetChecksumTests
{
    /// <summary>RFC 1071, 3: the example of its numerical section.</summary>
    [Fact]
    public void Of_ExampleOfTheRfc_IsItsSum()
    {
        byte[] bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        Assert.Equal((ushort)0x220D, InternetChecksum.Of(bytes));
    }

    [Fact]
    public void Add_InPiecesOfAnyLength_IsAsByteByByte()
    {
        SeededRandom random = new(7);
        for (int round = 0; round < 2000; round++)
        {
            byte[] bytes = new byte[random.Next(200)];
            random.Fill(bytes);
            if (round % 10 == 0)
            {
                bytes.AsSpan().Fill(0xFF);
            }

            InternetChecksum checksum = default;
            int offset = 0;
            while (offset < bytes.Length)
            {
                int length = Math.Min(random.Next(40), bytes.Length - offset);
                checksum.Add(bytes.AsSpan(offset, length));
                offset += length;
            }

            Assert.Equal(Reference(bytes), checksum.Value);
            Assert.Equal(Reference(bytes), InternetChecksum.Of(bytes));
        }
    }

    [Theory]
    [InlineData("10.0.0.1", "10.255.0.2")]
    [InlineData("fe80::1234:5678:9abc:def0", "ff02::1:ffbc:def0")]
    public void AddPseudoHeader_IsTheSumOfItsBytes(string from, string to)
    {
        IpAddress source = SimulatedHost.Ip(from);
        IpAddress destination = SimulatedHost.Ip(to);
        byte[] bytes = new byte[source.Size * 2 + 8];
        source.Write(bytes);
        destination.Write(bytes.AsSpan(source.Size));
        bytes[^5] = 0x12;
        bytes[^6] = 0x01;
        bytes[^1] = (byte)IpProtocol.Udp;
        InternetChecksum checksum = default;
        checksum.AddPseudoHeader(source, destination, IpProtocol.Udp, 0x112);
        Assert.Equal(Reference(bytes), checksum.Value);
    }

    private static ushort Reference(ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        for (int i = 0; i < bytes.Length; i++)
        {
            sum += (uint)(bytes[i] << (i % 2 == 0 ? 8 : 0));
            sum = (sum & 0xFFFF) + (sum >> 16);
        }

        return (ushort)~sum;
    }
}

using System.Buffers.Binary;

namespace Semitone.Net;

/// <summary>Writes frames as pcapng has them (IETF draft-ietf-opsawg-pcapng): one section with one interface.</summary>
public sealed class PcapngWriter
{
    private const uint SectionHeader = 0x0A0D_0D0A;
    private const uint InterfaceDescription = 1;
    private const uint EnhancedPacket = 6;
    private const uint ByteOrderMagic = 0x1A2B_3C4D;
    private const ushort TimeResolutionOption = 9;
    private const byte Nanoseconds = 9;
    private const int PacketHeaderSize = 28;
    private const int MostBytes = 65536 + 256;

    private readonly IPacketSink _sink;
    private readonly byte[] _block = new byte[PacketHeaderSize + MostBytes + 2 * sizeof(uint)];

    /// <param name="sink">Where blocks go; it is given the headers at once.</param>
    /// <param name="linkType">1 for Ethernet, 101 for IP without a link's header (LINKTYPE_).</param>
    public PcapngWriter(IPacketSink sink, ushort linkType)
    {
        _sink = sink;
        Span<byte> body = _block.AsSpan(8);
        BinaryPrimitives.WriteUInt32LittleEndian(body, ByteOrderMagic);
        BinaryPrimitives.WriteUInt16LittleEndian(body[4..], 1);
        BinaryPrimitives.WriteUInt16LittleEndian(body[6..], 0);
        BinaryPrimitives.WriteInt64LittleEndian(body[8..], -1);
        Finish(SectionHeader, 16);

        body.Slice(0, 24).Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(body, linkType);
        BinaryPrimitives.WriteUInt32LittleEndian(body[4..], MostBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(body[8..], TimeResolutionOption);
        BinaryPrimitives.WriteUInt16LittleEndian(body[10..], 1);
        body[12] = Nanoseconds;
        Finish(InterfaceDescription, 20);
    }

    /// <summary>Writes a frame that lies in three pieces.</summary>
    /// <param name="timeNs">Nanoseconds since 1970-01-01 UTC.</param>
    /// <param name="first">Its beginning.</param>
    /// <param name="second">What follows.</param>
    /// <param name="third">And what follows that.</param>
    public void Write(long timeNs, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, ReadOnlySpan<byte> third)
    {
        int length = first.Length + second.Length + third.Length;
        Span<byte> body = _block.AsSpan(8);
        BinaryPrimitives.WriteUInt32LittleEndian(body, 0);
        BinaryPrimitives.WriteUInt32LittleEndian(body[4..], (uint)(timeNs >> 32));
        BinaryPrimitives.WriteUInt32LittleEndian(body[8..], (uint)timeNs);
        BinaryPrimitives.WriteUInt32LittleEndian(body[16..], (uint)length);
        Span<byte> data = body.Slice(20, MostBytes);
        int kept = Append(third, data, Append(second, data, Append(first, data, 0)));
        BinaryPrimitives.WriteUInt32LittleEndian(body[12..], (uint)kept);
        int padded = (kept + 3) & ~3;
        data[kept..padded].Clear();
        Finish(EnhancedPacket, 20 + padded);
    }

    private static int Append(ReadOnlySpan<byte> source, Span<byte> data, int offset)
    {
        int count = Math.Min(source.Length, data.Length - offset);
        source[..count].CopyTo(data[offset..]);
        return offset + count;
    }

    private void Finish(uint type, int bodyLength)
    {
        int length = bodyLength + 3 * sizeof(uint);
        BinaryPrimitives.WriteUInt32LittleEndian(_block, type);
        BinaryPrimitives.WriteUInt32LittleEndian(_block.AsSpan(4), (uint)length);
        BinaryPrimitives.WriteUInt32LittleEndian(_block.AsSpan(8 + bodyLength), (uint)length);
        _sink.Write(_block.AsSpan(0, length));
    }
}

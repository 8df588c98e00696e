using System.Buffers.Binary;

namespace Semitone.Drivers;

/// <summary>What a control message says (virtio 1.2, 5.3.6.2).</summary>
internal enum ConsoleEvent : ushort
{
    DeviceReady = 0,
    PortAdd = 1,
    PortRemove = 2,
    PortReady = 3,
    ConsolePort = 4,
    Resize = 5,
    PortOpen = 6,
    PortName = 7,
}

/// <summary>The head of a control message, struct virtio_console_control.</summary>
internal readonly record struct ConsoleMessage(uint Port, ConsoleEvent Event, ushort Value)
{
    public const int Size = 8;

    public static ConsoleMessage Read(ReadOnlySpan<byte> bytes) => new(
        BinaryPrimitives.ReadUInt32LittleEndian(bytes),
        (ConsoleEvent)BinaryPrimitives.ReadUInt16LittleEndian(bytes[4..]),
        BinaryPrimitives.ReadUInt16LittleEndian(bytes[6..]));

    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Port);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[4..], (ushort)Event);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[6..], Value);
    }
}

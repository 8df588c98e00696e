using System.Buffers.Binary;

namespace Semitone.Net;

/// <summary>The options of a TCP segment that this stack knows.</summary>
/// <remarks>Whatever bytes come are read: an option that is cut off ends the list, one that is not known is passed over (RFC 9293, 3.2).</remarks>
public struct TcpOptions
{
    /// <summary>Blocks that fit beside timestamps (RFC 2018, 3), and the fourth that fits without.</summary>
    public const int MaximumSackBlocks = 4;

    /// <summary>Bytes of the timestamps with the two of padding in front that put them on a word.</summary>
    public const int TimestampsSize = 12;

    private const byte EndOfList = 0;
    private const byte NoOperation = 1;
    private const byte MaximumSegmentSizeKind = 2;
    private const byte WindowScaleKind = 3;
    private const byte SackPermittedKind = 4;
    private const byte SackKind = 5;
    private const byte TimestampsKind = 8;
    private const int SackBlockSize = 8;

    // RFC 7323, 2.3: a shift count above 14 is logged and taken for 14.
    private const byte MaximumWindowScale = 14;

    private SackBlock _block0;
    private SackBlock _block1;
    private SackBlock _block2;
    private SackBlock _block3;

    /// <summary>The largest segment that the peer takes; 0 where it does not say.</summary>
    public ushort MaximumSegmentSize { get; set; }

    public bool HasWindowScale { get; set; }

    /// <summary>By how many bits windows are shifted: 0 to 14.</summary>
    public byte WindowScale { get; set; }

    public bool IsSackPermitted { get; set; }

    public bool HasTimestamps { get; set; }

    public uint TimestampValue { get; set; }

    public uint TimestampEcho { get; set; }

    public int SackBlockCount { get; private set; }

    public readonly SackBlock GetSackBlock(int index) => index switch
    {
        0 => _block0,
        1 => _block1,
        2 => _block2,
        _ => _block3,
    };

    /// <summary>Adds a block; one too many is left out.</summary>
    public void AddSackBlock(SackBlock block)
    {
        switch (SackBlockCount)
        {
            case 0:
                _block0 = block;
                break;
            case 1:
                _block1 = block;
                break;
            case 2:
                _block2 = block;
                break;
            case 3:
                _block3 = block;
                break;
            default:
                return;
        }

        SackBlockCount++;
    }

    /// <summary>Reads what is known of a header's options.</summary>
    public static TcpOptions Parse(ReadOnlySpan<byte> source)
    {
        TcpOptions options = default;
        while (!source.IsEmpty && source[0] != EndOfList)
        {
            if (source[0] == NoOperation)
            {
                source = source[1..];
                continue;
            }

            if (source.Length < 2 || source[1] < 2 || source[1] > source.Length)
            {
                break;
            }

            int length = source[1];
            options.Take(source[0], source[2..length]);
            source = source[length..];
        }

        return options;
    }

    /// <summary>Writes the options of this value.</summary>
    /// <param name="destination">40 bytes.</param>
    /// <returns>Bytes: a multiple of four.</returns>
    public readonly int Write(Span<byte> destination)
    {
        int length = 0;
        if (MaximumSegmentSize != 0)
        {
            destination[0] = MaximumSegmentSizeKind;
            destination[1] = 4;
            BinaryPrimitives.WriteUInt16BigEndian(destination[2..], MaximumSegmentSize);
            length = 4;
        }

        if (HasWindowScale)
        {
            destination[length] = NoOperation;
            destination[length + 1] = WindowScaleKind;
            destination[length + 2] = 3;
            destination[length + 3] = WindowScale;
            length += 4;
        }

        if (IsSackPermitted)
        {
            WritePadding(destination[length..]);
            destination[length + 2] = SackPermittedKind;
            destination[length + 3] = 2;
            length += 4;
        }

        if (HasTimestamps)
        {
            WritePadding(destination[length..]);
            destination[length + 2] = TimestampsKind;
            destination[length + 3] = 10;
            BinaryPrimitives.WriteUInt32BigEndian(destination[(length + 4)..], TimestampValue);
            BinaryPrimitives.WriteUInt32BigEndian(destination[(length + 8)..], TimestampEcho);
            length += TimestampsSize;
        }

        int blocks = Math.Min(SackBlockCount, (TcpHeader.MaximumSize - TcpHeader.Size - length - 4) / SackBlockSize);
        if (blocks <= 0)
        {
            return length;
        }

        WritePadding(destination[length..]);
        destination[length + 2] = SackKind;
        destination[length + 3] = (byte)(2 + (blocks * SackBlockSize));
        length += 4;
        for (int i = 0; i < blocks; i++)
        {
            SackBlock block = GetSackBlock(i);
            BinaryPrimitives.WriteUInt32BigEndian(destination[length..], block.Start.Value);
            BinaryPrimitives.WriteUInt32BigEndian(destination[(length + 4)..], block.End.Value);
            length += SackBlockSize;
        }

        return length;
    }

    private static void WritePadding(Span<byte> destination)
    {
        destination[0] = NoOperation;
        destination[1] = NoOperation;
    }

    private void Take(byte kind, ReadOnlySpan<byte> value)
    {
        switch (kind)
        {
            case MaximumSegmentSizeKind when value.Length == 2:
                MaximumSegmentSize = BinaryPrimitives.ReadUInt16BigEndian(value);
                break;
            case WindowScaleKind when value.Length == 1:
                HasWindowScale = true;
                WindowScale = Math.Min(value[0], MaximumWindowScale);
                break;
            case SackPermittedKind when value.IsEmpty:
                IsSackPermitted = true;
                break;
            case SackKind when value.Length % SackBlockSize == 0:
                TakeSackBlocks(value);
                break;
            case TimestampsKind when value.Length == 8:
                HasTimestamps = true;
                TimestampValue = BinaryPrimitives.ReadUInt32BigEndian(value);
                TimestampEcho = BinaryPrimitives.ReadUInt32BigEndian(value[4..]);
                break;
        }
    }

    private void TakeSackBlocks(ReadOnlySpan<byte> value)
    {
        while (!value.IsEmpty)
        {
            SequenceNumber start = new(BinaryPrimitives.ReadUInt32BigEndian(value));
            AddSackBlock(new SackBlock(start, new SequenceNumber(BinaryPrimitives.ReadUInt32BigEndian(value[4..]))));
            value = value[SackBlockSize..];
        }
    }
}

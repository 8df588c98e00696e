namespace Semitone.Net;

/// <summary>A packet of which parts have come.</summary>
internal sealed class PartialPacket
{
    /// <summary>Holes that may be open at once: parts that come in order leave none.</summary>
    private const int MostRanges = 64;

    private readonly byte[] _header = new byte[Ipv4Header.LargestSize];
    private readonly Range[] _ranges = new Range[MostRanges];
    private int _rangeCount;
    private int _headerLength;
    private int _total;

    public Reassembler.Key Key { get; private set; }

    /// <summary>The data, each byte in its place; null when the packet is given up.</summary>
    public PacketBuffer? Buffer { get; private set; }

    public long DeadlineNs { get; private set; }

    public bool HasFirst => _headerLength != 0;

    public bool IsMulticast { get; private set; }

    public bool IsWhole => _total >= 0 && HasFirst && _rangeCount == 1 && _ranges[0] == new Range(0, _total);

    /// <summary>The header of the part that is the beginning.</summary>
    public ReadOnlySpan<byte> Header => _header.AsSpan(0, _headerLength);

    /// <summary>All data of a packet that is whole.</summary>
    public ReadOnlySpan<byte> Data => Buffer!.Bytes[.._total];

    public void Begin(in Reassembler.Key key, PacketBuffer buffer, long deadlineNs)
    {
        Key = key;
        Buffer = buffer;
        buffer.Reset(0, buffer.Capacity);
        DeadlineNs = deadlineNs;
        _rangeCount = 0;
        _headerLength = 0;
        _total = -1;
    }

    /// <summary>Gives the bytes up.</summary>
    public void Drop()
    {
        Buffer?.Release();
        Buffer = null;
    }

    /// <summary>Adds a part.</summary>
    /// <returns>False when it contradicts what was there, or leaves too many holes.</returns>
    public bool TryAdd(in Reassembler.Part part)
    {
        Range range = new(part.Offset, part.Offset + part.Data.Length);
        if (!part.HasMore)
        {
            if (_total >= 0 && _total != range.End)
            {
                return false;
            }

            _total = range.End;
        }

        if (_total >= 0 && (range.End > _total || (_rangeCount != 0 && _ranges[_rangeCount - 1].End > _total)))
        {
            return false;
        }

        int place = 0;
        while (place < _rangeCount && _ranges[place].End <= range.Start)
        {
            place++;
        }

        if (place < _rangeCount && _ranges[place].Start < range.End)
        {
            return _ranges[place].Start <= range.Start
                && _ranges[place].End >= range.End
                && Buffer!.Bytes[range.Start..range.End].SequenceEqual(part.Data);
        }

        if (!TryInsert(place, range))
        {
            return false;
        }

        part.Data.CopyTo(Buffer!.Bytes[range.Start..]);
        if (range.Start == 0)
        {
            part.Header.CopyTo(_header);
            _headerLength = part.Header.Length;
            IsMulticast = part.IsMulticast;
        }

        return true;
    }

    /// <summary>Copies what a complaint quotes.</summary>
    /// <returns>Bytes.</returns>
    public int CopyBeginning(Span<byte> destination)
    {
        Header.CopyTo(destination);
        int length = Math.Min(_ranges[0].End, destination.Length - _headerLength);
        Buffer!.Bytes[..length].CopyTo(destination[_headerLength..]);
        return _headerLength + length;
    }

    private bool TryInsert(int place, Range range)
    {
        bool joinsLeft = place > 0 && _ranges[place - 1].End == range.Start;
        bool joinsRight = place < _rangeCount && _ranges[place].Start == range.End;
        if (joinsLeft && joinsRight)
        {
            _ranges[place - 1] = new Range(_ranges[place - 1].Start, _ranges[place].End);
            _ranges.AsSpan((place + 1).._rangeCount).CopyTo(_ranges.AsSpan(place));
            _rangeCount--;
        }
        else if (joinsLeft)
        {
            _ranges[place - 1] = new Range(_ranges[place - 1].Start, range.End);
        }
        else if (joinsRight)
        {
            _ranges[place] = new Range(range.Start, _ranges[place].End);
        }
        else if (_rangeCount == MostRanges)
        {
            return false;
        }
        else
        {
            _ranges.AsSpan(place.._rangeCount).CopyTo(_ranges.AsSpan(place + 1));
            _ranges[place] = range;
            _rangeCount++;
        }

        return true;
    }

    private readonly record struct Range(int Start, int End);
}

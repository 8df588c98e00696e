namespace Semitone.Net;

/// <content>Urgent data: one byte, as Berkeley's sockets have it (RFC 6093).</content>
internal sealed partial class TcpReceiver
{
    private byte _urgentByte;

    /// <summary>Whether the byte stays among the others (SO_OOBINLINE).</summary>
    public bool IsUrgentInline { get; set; }

    /// <summary>Whether the peer has announced a byte that the program has not passed, or not taken.</summary>
    public bool HasMark { get; private set; }

    /// <summary>The urgent byte's place.</summary>
    public SequenceNumber Mark { get; private set; }

    /// <summary>Whether the byte was taken.</summary>
    public bool IsUrgentTaken { get; private set; }

    /// <summary>Whether the byte has come and was not taken.</summary>
    public bool IsUrgentReady => HasMark && !IsUrgentTaken && Next > Mark;

    /// <summary>Whether what is read next is the urgent byte (sockatmark(3)).</summary>
    public bool IsAtMark => HasMark && ReadSequence == Mark;

    /// <summary>Bytes up to the mark, or to the end (SIOCINQ).</summary>
    public int ReadableCount => HasMark && !IsUrgentInline && Mark >= ReadSequence && Mark < ReadSequence + Count
        ? Mark - ReadSequence
        : Count;

    /// <summary>Takes the pointer of a segment: it points behind the byte (RFC 9293, 3.1, as it is implemented: RFC 6093, 3).</summary>
    /// <returns>Whether it announces a byte that was not announced before.</returns>
    public bool OnUrgent(SequenceNumber sequence, ushort pointer)
    {
        SequenceNumber mark = sequence + pointer - 1;
        if (pointer == 0 || mark < ReadSequence || IsFinReceived || (HasMark && mark <= Mark) || mark - Next > ushort.MaxValue)
        {
            return false;
        }

        HasMark = true;
        Mark = mark;
        IsUrgentTaken = false;
        return true;
    }

    /// <summary>Gets the urgent byte, which must be ready.</summary>
    public byte TakeUrgent(bool isPeek)
    {
        byte value = Mark < ReadSequence ? _urgentByte : Peek(Mark - ReadSequence)[0];
        IsUrgentTaken = !isPeek;
        return value;
    }

    /// <summary>Gets bytes up to the mark; from the mark on where a read begins there.</summary>
    public ReadOnlySpan<byte> PeekToMark(int offset, bool stopAtMark)
    {
        if (!HasMark)
        {
            return Peek(offset);
        }

        int distance = Mark - (ReadSequence + offset);
        if (distance == 0)
        {
            if (stopAtMark || Next <= Mark)
            {
                return [];
            }

            if (!IsUrgentInline)
            {
                offset++;
            }

            return Peek(offset);
        }

        ReadOnlySpan<byte> bytes = Peek(offset);
        return distance > 0 && distance < bytes.Length ? bytes[..distance] : bytes;
    }

    /// <summary>Drops bytes that were read, and the urgent one where it is passed.</summary>
    public void ConsumeToMark(int count)
    {
        if (HasMark && !IsUrgentInline && IsAtMark && count > 0 && Count > 0)
        {
            _urgentByte = Peek(0)[0];
            count++;
        }

        Consume(count);
        if (HasMark && ReadSequence > Mark && (IsUrgentTaken || IsUrgentInline))
        {
            HasMark = false;
        }
    }
}

namespace Semitone.Net;

/// <summary>Half-open connections of one listener, the oldest first, linked through themselves.</summary>
internal struct SynRecordList
{
    private SynRecord? _last;

    public SynRecord? First { get; private set; }

    public int Count { get; private set; }

    public void Append(SynRecord record)
    {
        record.Previous = _last;
        record.Next = null;
        if (_last is null)
        {
            First = record;
        }
        else
        {
            _last.Next = record;
        }

        _last = record;
        Count++;
    }

    public void Remove(SynRecord record)
    {
        if (record.Previous is null)
        {
            First = record.Next;
        }
        else
        {
            record.Previous.Next = record.Next;
        }

        if (record.Next is null)
        {
            _last = record.Previous;
        }
        else
        {
            record.Next.Previous = record.Previous;
        }

        record.Previous = null;
        record.Next = null;
        Count--;
    }
}

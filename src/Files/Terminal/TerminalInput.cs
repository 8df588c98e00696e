namespace Semitone.Files;

/// <summary>What was typed and not read yet, with the marks that divide it into lines.</summary>
/// <remarks>
/// A ring of characters, each with a mark that says whether it ends a line. Up to <c>_lineEnd</c> lines are complete; behind it lies the
/// line that may still be edited. A character of value 0 with the mark is the end of the file: it ends a line and is none of its
/// characters. The positions count on for ever; the ring is indexed by their low bits.
/// </remarks>
internal sealed class TerminalInput
{
    public const int Size = 4096;

    private const ushort LineEnd = 0x100;

    private readonly ushort[] _ring = new ushort[Size];
    private uint _start;
    private uint _lineEnd;
    private uint _end;

    /// <summary>Characters, those of the line that is being edited included.</summary>
    public int Count => (int)(_end - _start);

    /// <summary>Characters of complete lines, ends of the file included.</summary>
    public int LineCount => (int)(_lineEnd - _start);

    /// <summary>Characters of the line that is being edited.</summary>
    public int EditedCount => (int)(_end - _lineEnd);

    public int Room => Size - Count;

    /// <summary>Characters of complete lines, as FIONREAD counts them: without ends of the file.</summary>
    public int CountLineCharacters()
    {
        int count = 0;
        for (uint i = _start; i != _lineEnd; i++)
        {
            count += At(i) != LineEnd ? 1 : 0;
        }

        return count;
    }

    /// <summary>
    /// Adds a character. In a full ring it takes the place of the last one of the line that is being edited; where there is none it is
    /// lost.
    /// </summary>
    public void Add(byte value)
    {
        if (Room == 0)
        {
            if (EditedCount == 0)
            {
                return;
            }

            RemoveLast();
        }

        At(_end++) = value;
    }

    /// <summary>Adds a character that ends the line; 0 is the end of the file.</summary>
    public void AddLineEnd(byte value)
    {
        Add(value);
        MarkLast();
    }

    /// <summary>Makes all that there is a line, which its last character ends.</summary>
    public void MarkLast()
    {
        if (Count != 0)
        {
            At(_end - 1) |= LineEnd;
            _lineEnd = _end;
        }
    }

    /// <summary>Forgets where lines end and makes all that there is one that is being edited.</summary>
    public void Unmark()
    {
        for (uint i = _start; i != _end; i++)
        {
            At(i) &= byte.MaxValue;
        }

        _lineEnd = _start;
    }

    /// <summary>A character of the line that is being edited, by its position in it.</summary>
    public byte GetEdited(int index) => (byte)At(_lineEnd + (uint)index);

    /// <summary>Removes the last character; the line that is being edited has one.</summary>
    public void RemoveLast() => _end--;

    /// <summary>Removes the whole line that is being edited.</summary>
    public void RemoveLine() => _end = _lineEnd;

    public void Clear()
    {
        _start = _end;
        _lineEnd = _end;
    }

    /// <summary>Takes the next part of the first line.</summary>
    /// <param name="destination">Takes the characters; not empty.</param>
    /// <param name="isLineEnd">The line is over.</param>
    /// <returns>Characters taken.</returns>
    public int TakeLine(Span<byte> destination, out bool isLineEnd)
    {
        isLineEnd = false;
        int taken = 0;
        while (taken < destination.Length && _start != _lineEnd && !isLineEnd)
        {
            ushort value = At(_start++);
            isLineEnd = (value & LineEnd) != 0;
            if (value != LineEnd)
            {
                destination[taken++] = (byte)value;
            }
        }

        return taken;
    }

    /// <summary>
    /// Drops an end of the file that stands next: it belongs to a line whose characters filled the reader's buffer, and the next read must
    /// not find it.
    /// </summary>
    public void SkipEndOfFile()
    {
        if (_start != _lineEnd && At(_start) == LineEnd)
        {
            _start++;
        }
    }

    /// <summary>Takes characters whatever lines they are in.</summary>
    public int Take(Span<byte> destination)
    {
        int taken = 0;
        while (taken < destination.Length && _start != _end)
        {
            destination[taken++] = (byte)At(_start++);
        }

        if ((int)(_lineEnd - _start) < 0)
        {
            _lineEnd = _start;
        }

        return taken;
    }

    private ref ushort At(uint position) => ref _ring[position & (Size - 1)];
}

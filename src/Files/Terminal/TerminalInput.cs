namespace Semitone.Files;

/// <summary>What was typed and not read yet, with the marks that divide it into lines.</summary>
/// <remarks>A ring of characters. In canonical mode the last line may still be edited until a delimiter ends it.</remarks>
internal sealed class TerminalInput
{
    public const int Size = 4096;

    // Marks above the character: it ends a line; it ends a line and is no character of it (VEOF).
    private const ushort Delimiter = 0x100;
    private const ushort EndOfFile = 0x200;

    private readonly ushort[] _ring = new ushort[Size];
    private int _start;

    // Of the lines that are complete, delimiters included.
    private int _complete;
    private int _lines;

    /// <summary>Characters, those of the line that is being edited included.</summary>
    public int Count { get; private set; }

    public int Room => Size - Count;

    /// <summary>Characters of the line that is being edited.</summary>
    public int EditedCount => Count - _complete;

    public bool HasLine => _lines != 0;

    /// <summary>Characters of complete lines, as FIONREAD counts them.</summary>
    public int LineCharacters
    {
        get
        {
            int count = 0;
            for (int i = 0; i < _complete; i++)
            {
                count += (At(i) & EndOfFile) == 0 ? 1 : 0;
            }
            return count;
        }
    }

    public void Add(byte value) => Append(value);

    /// <summary>Adds a character that ends the line.</summary>
    public void AddDelimiter(byte value)
    {
        Append((ushort)(value | Delimiter));
        CompleteAll();
        _lines++;
    }

    /// <summary>Ends the line without a character: what is there can be read, and nothing there means the end of the file.</summary>
    public void AddEndOfFile()
    {
        Append(Delimiter | EndOfFile);
        CompleteAll();
        _lines++;
    }

    /// <summary>The last character of the line that is being edited.</summary>
    public byte Last => (byte)At(Count - 1);

    /// <summary>The characters of the edited line, by position in it.</summary>
    public byte GetEdited(int index) => (byte)At(_complete + index);

    public void RemoveLast() => Count--;

    public void Clear()
    {
        Count = 0;
        _complete = 0;
        _lines = 0;
    }

    /// <summary>Makes what is being edited readable: the terminal leaves canonical mode.</summary>
    public void CompleteAll() => _complete = Count;

    /// <summary>Takes the next part of the first line that lies together.</summary>
    /// <param name="destination">Takes the characters.</param>
    /// <param name="isLineEnd">The line is over.</param>
    /// <returns>Characters taken.</returns>
    public int TakeLine(Span<byte> destination, out bool isLineEnd)
    {
        isLineEnd = false;
        int taken = 0;
        while (taken < destination.Length && _complete != 0 && !isLineEnd)
        {
            ushort value = At(0);
            Drop();
            isLineEnd = (value & Delimiter) != 0;
            if ((value & EndOfFile) == 0)
            {
                destination[taken++] = (byte)value;
            }
        }
        // A full buffer right in front of the mark: the mark belongs to this line, or the next read would find an end of file.
        if (!isLineEnd && taken == destination.Length && _complete != 0 && (At(0) & EndOfFile) != 0)
        {
            Drop();
            isLineEnd = true;
        }
        return taken;
    }

    /// <summary>Takes characters whatever lines they are in.</summary>
    public int Take(Span<byte> destination)
    {
        int taken = 0;
        while (taken < destination.Length && Count != 0)
        {
            ushort value = At(0);
            if (_complete == 0)
            {
                _complete = 1;
            }
            Drop();
            if ((value & EndOfFile) == 0)
            {
                destination[taken++] = (byte)value;
            }
        }
        return taken;
    }

    private ushort At(int index) => _ring[(_start + index) & (Size - 1)];

    private void Append(ushort value)
    {
        _ring[(_start + Count) & (Size - 1)] = value;
        Count++;
    }

    private void Drop()
    {
        if ((At(0) & Delimiter) != 0)
        {
            _lines--;
        }
        _start = (_start + 1) & (Size - 1);
        Count--;
        _complete--;
    }
}

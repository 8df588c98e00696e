using Semitone.Abi;
using Semitone.HostLink;

namespace Semitone.Files;

/// <summary>The way out of a terminal: output translation (OPOST), the column that the cursor is in, and output that is stopped.</summary>
internal sealed class TerminalOutput(TerminalLine line, TerminalModes modes)
{
    private const int ChunkSize = 1024;
    private const int HeldSize = 2048;

    // The steps of echo, above the character or count: put it, put its name, go back over a tab, go back one column, begin a line.
    private const ushort StepMask = 0xFF00;
    private const ushort PutStep = 0;
    private const ushort CaretStep = 0x100;
    private const ushort TabErasureStep = 0x200;
    private const ushort MoveBackStep = 0x300;
    private const ushort LineStartStep = 0x400;
    private const ushort FromLineStart = 0x80;

    private const int TabWidth = 8;

    /// <summary>Bytes that the longest step of echo puts out.</summary>
    private const int LongestEcho = TabWidth;

    private readonly byte[] _gathered = new byte[ChunkSize];

    // What echo would have done while output is stopped or finds no room: translated when it goes out, by the modes of that time.
    private readonly ushort[] _held = new ushort[HeldSize];
    private int _gatheredCount;
    private int _heldCount;
    private bool _isStoppedByProgram;

    /// <summary>Where on the host link the output goes.</summary>
    public LinkStream Stream { get; set; }

    public bool IsStopped { get; private set; }

    /// <summary>Bytes that <see cref="Write"/> can be given so that all of them find room, whatever they are translated to.</summary>
    public int Room => line.OutputRoom / LongestTranslation;

    private int LongestTranslation =>
        !modes.Has(TermiosOutput.OPOST) ? 1
        : (modes.Termios.c_oflag & TermiosOutput.TABDLY) == TermiosOutput.TABDLY ? TabWidth
        : 2;

    /// <summary>Whether echo has to wait: output is stopped, or the line has no room.</summary>
    private bool IsEchoHeld => IsStopped || line.OutputRoom - _gatheredCount < LongestEcho;

    /// <summary>The column of the cursor, from 0, as far as what was written tells it.</summary>
    private int Column { get; set; }

    /// <summary>The column where the line that is being edited begins.</summary>
    private int LineColumn { get; set; }

    /// <summary>Stops output.</summary>
    /// <param name="byProgram">By tcflow(3): then no character starts it again.</param>
    public void Stop(bool byProgram)
    {
        bool wasStopped = IsStopped;
        IsStopped = true;
        _isStoppedByProgram |= byProgram;
        if (!wasStopped)
        {
            line.OnFlow(isStopped: true);
        }
    }

    /// <summary>Lets output go on, what was held back first.</summary>
    /// <param name="byProgram">By tcflow(3), which starts what it has stopped; a character starts only what a character has
    /// stopped.</param>
    /// <returns>True when it was stopped and is so no longer.</returns>
    public bool Start(bool byProgram)
    {
        if (!IsStopped || _isStoppedByProgram != byProgram)
        {
            return false;
        }

        IsStopped = false;
        _isStoppedByProgram = false;
        line.OnFlow(isStopped: false);
        ReleaseHeld();
        return true;
    }

    /// <summary>Puts out what echo was held back, as far as it may go now.</summary>
    public void ReleaseHeld()
    {
        if (_heldCount == 0)
        {
            return;
        }

        int done = 0;
        while (done < _heldCount && !IsEchoHeld)
        {
            PutEcho(_held[done++]);
        }

        _heldCount -= done;
        Array.Copy(_held, done, _held, 0, _heldCount);
        Flush();
    }

    /// <summary>Drops the echo that is held back.</summary>
    public void DropHeld() => _heldCount = 0;

    /// <summary>Writes what a program gives.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        if (!modes.Has(TermiosOutput.OPOST))
        {
            Flush();
            line.Write(Stream, bytes);
            return;
        }

        foreach (byte value in bytes)
        {
            Translate(value);
        }

        Flush();
    }

    /// <summary>Echoes a character, translated.</summary>
    public void Put(byte value) => Echo((ushort)(PutStep | value));

    /// <summary>Echoes a control character as its name, such as ^C.</summary>
    public void PutCaret(byte value) => Echo((ushort)(CaretStep | value));

    /// <summary>Moves the cursor back over a tab.</summary>
    /// <param name="count">Columns of the characters before it.</param>
    /// <param name="isFromLineStart">They are counted from the start of the line that is being edited; else from another tab.</param>
    public void PutTabErasure(int count, bool isFromLineStart) =>
        Echo((ushort)(TabErasureStep | (count & (TabWidth - 1)) | (isFromLineStart ? FromLineStart : 0)));

    /// <summary>Takes it that a character took no column.</summary>
    public void MoveBack() => Echo(MoveBackStep);

    /// <summary>Takes it that the line that is being edited begins here.</summary>
    public void MarkLineStart() => Echo(LineStartStep);

    /// <summary>Sends a character past everything, even while output is stopped (tcflow(3), TCIOFF and TCION).</summary>
    public void SendUrgent(byte value)
    {
        if (line.OutputRoom != 0)
        {
            line.Write(Stream, [value]);
        }
    }

    /// <summary>Sends what was put together.</summary>
    public void Flush()
    {
        if (_gatheredCount != 0)
        {
            line.Write(Stream, _gathered.AsSpan(0, _gatheredCount));
            _gatheredCount = 0;
        }
    }

    private void Echo(ushort step)
    {
        if (_heldCount == 0 && !IsEchoHeld)
        {
            PutEcho(step);
        }
        else if (_heldCount < HeldSize)
        {
            _held[_heldCount++] = step;
        }
    }

    private void PutEcho(ushort step)
    {
        byte value = (byte)step;
        switch (step & StepMask)
        {
            case PutStep when value == byte.MaxValue:
                // Linux marks its steps of echo with this value, so that it passes by the translation.
                PutAsItIs(value);
                Column++;
                break;
            case PutStep:
                Translate(value);
                break;
            case CaretStep:
                PutAsItIs((byte)'^');
                PutAsItIs((byte)(value ^ 0x40));
                Column += 2;
                break;
            case TabErasureStep:
                int before = (value & ~FromLineStart) + ((value & FromLineStart) != 0 ? LineColumn : 0);
                for (int i = TabWidth - (before & (TabWidth - 1)); i > 0; i--)
                {
                    PutAsItIs((byte)'\b');
                    Column = Math.Max(0, Column - 1);
                }

                break;
            case MoveBackStep:
                Column = Math.Max(0, Column - 1);
                break;
            default:
                LineColumn = Column;
                break;
        }
    }

    private void Translate(byte value)
    {
        if (!modes.Has(TermiosOutput.OPOST))
        {
            PutAsItIs(value);
            return;
        }

        switch (value)
        {
            case (byte)'\n':
                Column = modes.Has(TermiosOutput.ONLRET) ? 0 : Column;
                if (modes.Has(TermiosOutput.ONLCR))
                {
                    Column = 0;
                    PutAsItIs((byte)'\r');
                }

                LineColumn = Column;
                break;
            case (byte)'\r':
                if (modes.Has(TermiosOutput.ONOCR) && Column == 0)
                {
                    return;
                }

                bool isLineFeed = modes.Has(TermiosOutput.OCRNL);
                value = isLineFeed ? (byte)'\n' : value;
                if (!isLineFeed || modes.Has(TermiosOutput.ONLRET))
                {
                    Column = 0;
                    LineColumn = 0;
                }

                break;
            case (byte)'\t':
                int spaces = TabWidth - (Column & (TabWidth - 1));
                Column += spaces;
                if ((modes.Termios.c_oflag & TermiosOutput.TABDLY) == TermiosOutput.TABDLY)
                {
                    for (; spaces > 0; spaces--)
                    {
                        PutAsItIs((byte)' ');
                    }

                    return;
                }

                break;
            case (byte)'\b':
                Column = Math.Max(0, Column - 1);
                break;
            default:
                if (!TerminalCharacter.IsControl(value))
                {
                    value = modes.Has(TermiosOutput.OLCUC) ? TerminalCharacter.ToUpper(value) : value;
                    Column += modes.IsContinuation(value) ? 0 : 1;
                }

                break;
        }

        PutAsItIs(value);
    }

    private void PutAsItIs(byte value)
    {
        if (_gatheredCount == ChunkSize)
        {
            Flush();
        }

        _gathered[_gatheredCount++] = value;
    }
}

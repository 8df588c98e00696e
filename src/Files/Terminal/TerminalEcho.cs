using Semitone.Abi;

namespace Semitone.Files;

/// <summary>Shows what is typed, and what of it is erased.</summary>
/// <remarks>Callers look at ECHO themselves where something is shown without it (ECHONL).</remarks>
internal sealed class TerminalEcho(TerminalModes modes, TerminalInput input, TerminalOutput output)
{
    /// <summary>A part between \ and / shows what is being erased (ECHOPRT).</summary>
    private bool _isErasing;

    /// <summary>Shows a character that comes into the line.</summary>
    public void ShowInLine(byte value)
    {
        FinishErasing();
        ShowLineEnd(value);
    }

    /// <summary>
    /// Shows a character that ends the line and comes into it (VEOL): what is being erased goes on into the next line, as in Linux.
    /// </summary>
    public void ShowLineEnd(byte value)
    {
        if (input.EditedCount == 0)
        {
            output.MarkLineStart();
        }

        Show(value);
    }

    /// <summary>Shows a character, a control character by its name (ECHOCTL).</summary>
    public void Show(byte value)
    {
        if (modes.Has(TermiosLocal.ECHOCTL) && TerminalCharacter.IsControl(value) && value != (byte)'\t')
        {
            output.PutCaret(value);
        }
        else
        {
            output.Put(value);
        }
    }

    /// <summary>Shows the end of a line.</summary>
    public void ShowNewline() => output.Put((byte)'\n');

    /// <summary>Shows that the next character is taken as it is: a caret that it overwrites.</summary>
    public void ShowLiteralNext()
    {
        FinishErasing();
        if (modes.Has(TermiosLocal.ECHOCTL))
        {
            output.Put((byte)'^');
            output.Put((byte)'\b');
        }
    }

    /// <summary>Shows the line anew (VREPRINT).</summary>
    public void ShowAgain(byte value)
    {
        FinishErasing();
        Show(value);
        ShowNewline();
        for (int i = 0; i < input.EditedCount; i++)
        {
            Show(input.GetEdited(i));
        }
    }

    /// <summary>Shows that a line has gone which is not taken off the screen (without ECHOKE).</summary>
    public void ShowLineGone(byte value)
    {
        FinishErasing();
        Show(value);
        if (modes.Has(TermiosLocal.ECHOK))
        {
            ShowNewline();
        }
    }

    /// <summary>Shows that a character has been taken out of the line.</summary>
    /// <param name="character">All its bytes.</param>
    /// <param name="isSingle">It alone is erased, not a word or a line.</param>
    public void ShowErased(ReadOnlySpan<byte> character, bool isSingle)
    {
        byte first = character[0];
        if (modes.Has(TermiosLocal.ECHOPRT))
        {
            ShowInPrint(character);
        }
        else if (isSingle && !modes.Has(TermiosLocal.ECHOE))
        {
            Show(modes.Termios.c_cc[ControlCharacter.VERASE]);
        }
        else if (first == (byte)'\t')
        {
            int columns = CountColumnsAtEnd(out bool isFromLineStart);
            output.PutTabErasure(columns, isFromLineStart);
        }
        else
        {
            bool isControl = TerminalCharacter.IsControl(first);
            bool isCaret = isControl && modes.Has(TermiosLocal.ECHOCTL);
            int columns = isCaret ? 2 : isControl ? 0 : 1;
            for (; columns > 0; columns--)
            {
                output.Put((byte)'\b');
                output.Put((byte)' ');
                output.Put((byte)'\b');
            }
        }
    }

    public void FinishErasing()
    {
        if (_isErasing)
        {
            _isErasing = false;
            output.Put((byte)'/');
        }
    }

    /// <summary>Forgets that something is being erased: the input was dropped.</summary>
    public void Reset() => _isErasing = false;

    private void ShowInPrint(ReadOnlySpan<byte> character)
    {
        if (!_isErasing)
        {
            _isErasing = true;
            output.Put((byte)'\\');
        }

        Show(character[0]);
        foreach (byte value in character[1..])
        {
            output.Put(value);
            output.MoveBack();
        }
    }

    /// <summary>Counts the columns of what stands in the line behind its last tab.</summary>
    private int CountColumnsAtEnd(out bool isFromLineStart)
    {
        int columns = 0;
        isFromLineStart = true;
        for (int i = input.EditedCount - 1; i >= 0 && isFromLineStart; i--)
        {
            byte value = input.GetEdited(i);
            if (value == (byte)'\t')
            {
                isFromLineStart = false;
            }
            else if (TerminalCharacter.IsControl(value))
            {
                columns += modes.Has(TermiosLocal.ECHOCTL) ? 2 : 0;
            }
            else
            {
                columns += modes.IsContinuation(value) ? 0 : 1;
            }
        }

        return columns;
    }
}

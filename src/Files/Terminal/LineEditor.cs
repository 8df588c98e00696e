using Semitone.Abi;

namespace Semitone.Files;

/// <summary>The characters that edit and end a line in canonical mode (termios(3), "Canonical and noncanonical mode").</summary>
internal sealed class LineEditor(TerminalModes modes, TerminalInput input, TerminalEcho echo)
{
    /// <summary>A character of UTF-8, or what passes for one: its continuation bytes are not counted by anybody.</summary>
    private const int MaximumShown = 16;

    /// <summary>The next character has no special meaning (VLNEXT).</summary>
    public bool IsLiteralNext { get; set; }

    /// <summary>Handles a character that means something here.</summary>
    /// <returns>False for one that belongs in the line.</returns>
    public bool Handle(byte value)
    {
        if (modes.Is(value, ControlCharacter.VERASE))
        {
            Erase(isSingle: true, isWord: false);
        }
        else if (modes.Is(value, ControlCharacter.VKILL))
        {
            EraseLine(value);
        }
        else if (value == (byte)'\n')
        {
            if (modes.Has(TermiosLocal.ECHO) || modes.Has(TermiosLocal.ECHONL))
            {
                echo.ShowNewline();
            }

            input.AddLineEnd(value);
        }
        else if (modes.Is(value, ControlCharacter.VEOF))
        {
            input.AddLineEnd(0);
        }
        else if (modes.Is(value, ControlCharacter.VEOL) || (modes.Has(TermiosLocal.IEXTEN) && modes.Is(value, ControlCharacter.VEOL2)))
        {
            EndLine(value);
        }
        else
        {
            return modes.Has(TermiosLocal.IEXTEN) && HandleExtension(value);
        }

        return true;
    }

    private bool HandleExtension(byte value)
    {
        if (modes.Is(value, ControlCharacter.VWERASE))
        {
            Erase(isSingle: false, isWord: true);
        }
        else if (modes.Is(value, ControlCharacter.VLNEXT))
        {
            IsLiteralNext = true;
            if (modes.Has(TermiosLocal.ECHO))
            {
                echo.ShowLiteralNext();
            }
        }
        else if (modes.Is(value, ControlCharacter.VREPRINT) && modes.Has(TermiosLocal.ECHO))
        {
            echo.ShowAgain(value);
        }
        else
        {
            return false;
        }

        return true;
    }

    private void EndLine(byte value)
    {
        if (modes.Has(TermiosLocal.ECHO))
        {
            echo.ShowLineEnd(value);
        }

        if (value == byte.MaxValue && modes.Has(TermiosInput.PARMRK))
        {
            input.Add(value);
        }

        input.AddLineEnd(value);
    }

    private void EraseLine(byte value)
    {
        if (input.EditedCount == 0)
        {
            return;
        }

        bool isTakenOffScreen = modes.Has(TermiosLocal.ECHOK) && modes.Has(TermiosLocal.ECHOKE) && modes.Has(TermiosLocal.ECHOE);
        if (modes.Has(TermiosLocal.ECHO) && isTakenOffScreen)
        {
            Erase(isSingle: false, isWord: false);
            return;
        }

        input.RemoveLine();
        if (modes.Has(TermiosLocal.ECHO))
        {
            echo.ShowLineGone(value);
        }
    }

    /// <summary>Takes a character, a word or all out of the line.</summary>
    private void Erase(bool isSingle, bool isWord)
    {
        if (input.EditedCount == 0)
        {
            return;
        }

        Span<byte> character = stackalloc byte[MaximumShown];
        bool hasSeenWord = false;
        while (input.EditedCount != 0)
        {
            int length = MeasureLast();
            int position = input.EditedCount - length;
            byte first = input.GetEdited(position);
            if (modes.IsContinuation(first))
            {
                // The line begins in the middle of a character: that part stays.
                break;
            }

            if (isWord)
            {
                // Back over what is between words, then over one word.
                bool isPart = TerminalCharacter.IsWord(first);
                if (hasSeenWord && !isPart)
                {
                    break;
                }

                hasSeenWord |= isPart;
            }

            int shown = Math.Min(length, MaximumShown);
            for (int i = 0; i < shown; i++)
            {
                character[i] = input.GetEdited(position + i);
            }

            for (int i = 0; i < length; i++)
            {
                input.RemoveLast();
            }

            if (modes.Has(TermiosLocal.ECHO))
            {
                echo.ShowErased(character[..shown], isSingle);
            }

            if (isSingle)
            {
                break;
            }
        }

        if (input.EditedCount == 0 && modes.Has(TermiosLocal.ECHO))
        {
            echo.FinishErasing();
        }
    }

    /// <summary>Counts the bytes of the line's last character.</summary>
    private int MeasureLast()
    {
        int length = 1;
        while (length < input.EditedCount && modes.IsContinuation(input.GetEdited(input.EditedCount - length)))
        {
            length++;
        }

        return length;
    }
}

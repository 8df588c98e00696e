using Semitone.Abi;
using Semitone.Core;

namespace Semitone.Files;

/// <summary>What a typed character does: stop and start output, raise a signal, edit the line, or come into it (termios(3)).</summary>
internal sealed class LineDiscipline
{
    private readonly TerminalModes _modes;
    private readonly TerminalInput _input;
    private readonly TerminalOutput _output;
    private readonly TerminalSession _session;
    private readonly TerminalLine _line;
    private readonly TerminalEcho _echo;
    private readonly LineEditor _editor;

    public LineDiscipline(TerminalModes modes, TerminalInput input, TerminalOutput output, TerminalSession session, TerminalLine line)
    {
        _line = line;
        _modes = modes;
        _input = input;
        _output = output;
        _session = session;
        _echo = new TerminalEcho(modes, input, output);
        _editor = new LineEditor(modes, input, _echo);
    }

    /// <summary>Those who wait for output that is stopped.</summary>
    public WaitQueue Writable { get; } = new();

    /// <summary>Takes a character.</summary>
    public void Receive(byte value)
    {
        value = _modes.Has(TermiosInput.ISTRIP) ? (byte)(value & 0x7F) : value;
        value = _modes.Has(TermiosInput.IUCLC) && _modes.Has(TermiosLocal.IEXTEN) ? TerminalCharacter.ToLower(value) : value;
        if (_modes.Has(TermiosLocal.EXTPROC))
        {
            _input.Add(value);
            return;
        }

        if (_editor.IsLiteralNext)
        {
            _editor.IsLiteralNext = false;
            Insert(value);
            return;
        }

        if ((_modes.Has(TermiosInput.IXON) && HandleFlow(value)) || (_modes.Has(TermiosLocal.ISIG) && HandleSignal(value)))
        {
            return;
        }

        if (_modes.Has(TermiosInput.IXON) && _modes.Has(TermiosInput.IXANY))
        {
            StartOutput(byProgram: false);
        }

        bool isFromReturn = false;
        if (value == (byte)'\r')
        {
            if (_modes.Has(TermiosInput.IGNCR))
            {
                return;
            }

            isFromReturn = _modes.Has(TermiosInput.ICRNL);
            value = isFromReturn ? (byte)'\n' : value;
        }
        else if (value == (byte)'\n' && _modes.Has(TermiosInput.INLCR))
        {
            value = (byte)'\r';
        }

        if (_modes.IsCanonical && _editor.Handle(value))
        {
            return;
        }

        if (isFromReturn && _modes.Has(TermiosLocal.ECHO))
        {
            // A line feed that was typed as such shows as ^J outside canonical mode; one that was made of a return is a new line.
            _echo.FinishErasing();
            _echo.ShowNewline();
            Add(value);
            return;
        }

        Insert(value);
    }

    /// <summary>The modes have changed: what is under way in the line is over.</summary>
    public void Reset()
    {
        _editor.IsLiteralNext = false;
        _echo.Reset();
    }

    /// <summary>Drops the input.</summary>
    public void Clear()
    {
        _input.Clear();
        _echo.Reset();
        _line.OnInputDropped();
    }

    public void StartOutput(bool byProgram)
    {
        if (_output.Start(byProgram))
        {
            Writable.WakeAll();
        }
    }

    private void Insert(byte value)
    {
        if (_modes.Has(TermiosLocal.ECHO))
        {
            _echo.ShowInLine(value);
        }

        Add(value);
    }

    private void Add(byte value)
    {
        if (value == byte.MaxValue && _modes.Has(TermiosInput.PARMRK))
        {
            // Doubled, as one of them begins the mark of a damaged character.
            _input.Add(value);
        }

        _input.Add(value);
    }

    private bool HandleFlow(byte value)
    {
        if (_modes.Is(value, ControlCharacter.VSTART))
        {
            StartOutput(byProgram: false);
            return true;
        }

        if (_modes.Is(value, ControlCharacter.VSTOP))
        {
            _output.Flush();
            _output.Stop(byProgram: false);
            return true;
        }

        return false;
    }

    private bool HandleSignal(byte value)
    {
        Signal signal;
        if (_modes.Is(value, ControlCharacter.VINTR))
        {
            signal = Signal.SIGINT;
        }
        else if (_modes.Is(value, ControlCharacter.VQUIT))
        {
            signal = Signal.SIGQUIT;
        }
        else if (_modes.Is(value, ControlCharacter.VSUSP))
        {
            signal = Signal.SIGTSTP;
        }
        else
        {
            return false;
        }

        _session.SignalForeground(signal);
        if (!_modes.Has(TermiosLocal.NOFLSH))
        {
            Clear();
            _output.DropHeld();
            _line.DropOutput();
        }

        if (_modes.Has(TermiosInput.IXON))
        {
            StartOutput(byProgram: false);
        }

        if (_modes.Has(TermiosLocal.ECHO))
        {
            _echo.Show(value);
        }

        return true;
    }
}

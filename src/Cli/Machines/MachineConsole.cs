using System.Text;
using Semitone.Cli.Posix;
using Semitone.Cli.Running;
using Semitone.HostLink;

namespace Semitone.Cli.Machines;

/// <summary>The console of a machine that lives on: what it says goes to its log, what it hears comes from those who attach.</summary>
internal sealed class MachineConsole : IGuestConsole
{
    /// <summary>What is kept of a start for the error message, should it come to nothing.</summary>
    private const int MostWords = 4096;

    private readonly LogWriter _log;
    private readonly Action _hasNews;
    private readonly MemoryStream _words = new();
    private readonly Lock _inputLock = new();
    private int _inputEnd = -1;

    /// <param name="log">Where output goes.</param>
    /// <param name="isInteractive">Standard input is open; else it is at its end.</param>
    /// <param name="hasTerminal">The standard streams are a terminal.</param>
    /// <param name="hasNews">Called when there is more in the log.</param>
    public MachineConsole(LogWriter log, bool isInteractive, bool hasTerminal, Action hasNews)
    {
        _log = log;
        _hasNews = hasNews;
        HasTerminalInput = hasTerminal;
        int[] ends = new int[2];
        if (!isInteractive && !hasTerminal)
        {
            Input = LibC.open(HostText.ToCString("/dev/null"), LibC.O_RDONLY | LibC.O_CLOEXEC);
        }
        else if (LibC.pipe2(ends, LibC.O_CLOEXEC) == 0)
        {
            (Input, _inputEnd) = (ends[0], ends[1]);
        }
        else
        {
            throw new CommandFailedException(ExitStatus.MachineFailed, "no pipe could be made: too many open files");
        }
    }

    public int Input { get; }

    public bool HasTerminalInput { get; }

    public bool HasTerminalOutput => false;

    public bool IsJob => false;

    /// <summary>What the kernel and the program have said so far on standard error, where that is not much.</summary>
    public string Words
    {
        get
        {
            lock (_words)
            {
                return HostText.FromBytes(_words.ToArray());
            }
        }
    }

    public bool TryWrite(LinkStream stream, ReadOnlySpan<byte> bytes, out int error)
    {
        error = 0;
        bool isOutput = stream == LinkStream.StandardOutput;
        _log.Write(isOutput ? LogRecord.StandardOutput : LogRecord.StandardError, bytes);
        lock (_words)
        {
            if (!isOutput && _words.Length + bytes.Length <= MostWords)
            {
                _words.Write(bytes);
            }
        }

        _hasNews();
        return true;
    }

    public void Say(string line) => TryWrite(LinkStream.KernelLog, Encoding.UTF8.GetBytes(line + "\n"), out _);

    /// <summary>Takes bytes for the program, waiting until it reads.</summary>
    /// <returns>False when standard input is closed.</returns>
    public bool TryInput(ReadOnlySpan<byte> bytes)
    {
        lock (_inputLock)
        {
            return _inputEnd >= 0 && Descriptor.TryWrite(_inputEnd, bytes);
        }
    }

    /// <summary>Ends standard input, for good.</summary>
    public void EndInput()
    {
        lock (_inputLock)
        {
            if (_inputEnd >= 0)
            {
                LibC.close(_inputEnd);
                _inputEnd = -1;
            }
        }
    }
}

using Semitone.Cli.Posix;

namespace Semitone.Cli.Machines;

/// <summary>Writes a log's records to our standard streams, as the program wrote them.</summary>
/// <param name="hasTimes">Each line begins with its time.</param>
internal sealed class LogPrinter(bool hasTimes)
{
    private readonly MemoryStream _text = new();
    private bool _isInOutputLine;
    private bool _isInErrorLine;

    /// <summary>Whether standard output takes no more.</summary>
    public bool IsBroken { get; private set; }

    public void Print(LogRecord record)
    {
        ref bool isInLine = ref record.IsError ? ref _isInErrorLine : ref _isInOutputLine;
        _text.SetLength(0);
        if (hasTimes && !isInLine)
        {
            _text.Write(record.Time);
            _text.WriteByte((byte)' ');
        }

        isInLine = !record.IsWhole;
        _text.Write(record.Text);
        if (record.IsWhole)
        {
            // The kernel's own lines have no carriage return, and a terminal of ours adds none. What the program writes to its terminal,
            // also to standard error, is standard output.
            _text.Write(Terminal.IsRaw && record.IsError ? "\r\n"u8 : "\n"u8);
        }

        int descriptor = record.IsError ? Descriptor.StandardError : Descriptor.StandardOutput;
        bool isWritten = Descriptor.TryWrite(descriptor, _text.GetBuffer().AsSpan(0, (int)_text.Length));
        IsBroken |= !isWritten && !record.IsError;
    }
}

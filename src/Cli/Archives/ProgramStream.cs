using System.Text;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Archives;

/// <summary>What a program of the host makes of a stream: the unpacking of formats that .NET does not know.</summary>
/// <remarks>
/// Those formats are left to the programs of those who made them, which check what they read, run beside us, and are at hand nearly
/// everywhere; a library would have to be linked into the command for each. The program is fed by a thread of its own.
/// </remarks>
internal sealed class ProgramStream : ReadOnlyStream
{
    private readonly ChildProcess _process;
    private readonly string _program;
    private readonly Thread _feeder;
    private bool _hasEnded;

    /// <param name="program">To be found in PATH.</param>
    /// <param name="arguments">Those with which it unpacks standard input to standard output.</param>
    /// <param name="input">What it is fed.</param>
    public ProgramStream(string program, IEnumerable<string> arguments, Stream input)
    {
        _program = program;
        _process = ChildProcess.Start([program, .. arguments]);
        _feeder = new Thread(() => Feed(input)) { IsBackground = true, Name = program };
        _feeder.Start();
    }

    public override int Read(Span<byte> destination)
    {
        if (_hasEnded || destination.IsEmpty)
        {
            return 0;
        }

        int count = Descriptor.Read(_process.Output, destination);
        if (count == 0)
        {
            _hasEnded = true;
            string problem = ReadProblem();
            int status = _process.Wait();
            if (status != 0)
            {
                throw new ArchiveException($"is damaged: {_program} says: {problem}");
            }
        }

        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _process.Kill();
            if (!_hasEnded)
            {
                _hasEnded = true;
                _process.Wait();
            }

            // Whoever feeds it finds nobody there.
            _feeder.Join();
            _process.Close();
        }

        base.Dispose(disposing);
    }

    private void Feed(Stream input)
    {
        byte[] buffer = new byte[64 * 1024];
        try
        {
            int count;
            while ((count = input.Read(buffer)) > 0 && Descriptor.TryWrite(_process.Input, buffer.AsSpan(0, count)))
            {
            }
        }
        catch (IOException)
        {
            // The program finds its input cut off, and says so.
        }

        _process.CloseInput();
    }

    /// <summary>Reads the first line that it has written to standard error, without its own name.</summary>
    private string ReadProblem()
    {
        byte[] text = new byte[4096];
        int filled = 0;
        int count;
        while (filled < text.Length && (count = Descriptor.Read(_process.Error, text.AsSpan(filled))) > 0)
        {
            filled += count;
        }

        string line = Encoding.UTF8.GetString(text, 0, filled).Split('\n')[0].Trim();
        return line.StartsWith(_program + ": ", StringComparison.Ordinal) ? line[(_program.Length + 2)..] : line;
    }
}

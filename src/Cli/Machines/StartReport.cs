using System.Globalization;
using System.Text;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Machines;

/// <summary>What a supervisor tells the command that started it, once: that the program runs, or why it does not.</summary>
/// <remarks>
/// A pipe: a line with a status, 0 for a program that runs, and the rest is a message. Its end without a line is a supervisor that died.
/// The supervisor closes it when it has said so, as whoever waits for the end of the command's output would else wait for that of the
/// machine.
/// </remarks>
internal sealed class StartReport
{
    /// <summary>The supervisor's descriptor of the pipe when it is started.</summary>
    public const int InheritedDescriptor = 3;

    private const int FirstDescriptor = 32;

    private int _descriptor;

    private StartReport(int descriptor) => _descriptor = descriptor;

    /// <summary>Takes what the supervisor was started with; nobody may be there to be told.</summary>
    public static StartReport Take()
    {
        int descriptor = LibC.fcntl(InheritedDescriptor, LibC.F_DUPFD_CLOEXEC, FirstDescriptor);
        if (descriptor >= 0)
        {
            LibC.close(InheritedDescriptor);
        }

        return new StartReport(descriptor);
    }

    /// <summary>Says how it went; later calls say nothing.</summary>
    /// <param name="status">0 when the program runs.</param>
    public void Say(int status, string message = "")
    {
        int descriptor = Interlocked.Exchange(ref _descriptor, -1);
        if (descriptor >= 0)
        {
            Descriptor.TryWrite(
                descriptor, HostText.ToBytes(string.Create(CultureInfo.InvariantCulture, $"{status}\n{message}")));
            LibC.close(descriptor);
        }
    }

    /// <summary>Reads it in the command.</summary>
    /// <returns>Null when the supervisor died.</returns>
    public static (int Status, string Message)? Read(int descriptor)
    {
        using MemoryStream content = new();
        new DescriptorStream(descriptor).CopyTo(content);
        string text = HostText.FromBytes(content.GetBuffer().AsSpan(0, (int)content.Length));
        int end = text.IndexOf('\n', StringComparison.Ordinal);
        return end > 0 && int.TryParse(text.AsSpan(0, end), CultureInfo.InvariantCulture, out int status)
            ? (status, text[(end + 1)..])
            : null;
    }
}

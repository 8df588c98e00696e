using System.Globalization;
using System.Text;
using Semitone.Abi;

namespace Semitone.Cli.Commands;

/// <summary>Signals as kill(1) and docker take them: <c>15</c>, <c>TERM</c>, <c>SIGTERM</c>, <c>sigterm</c>.</summary>
internal static class SignalText
{
    public const int Last = 64;

    /// <summary>Parses a signal.</summary>
    /// <exception cref="CommandFailedException">There is no such signal.</exception>
    public static int Parse(string flag, string text)
    {
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number is > 0 and <= Last)
        {
            return number;
        }

        string name = text.ToUpperInvariant();
        name = name.StartsWith("SIG", StringComparison.Ordinal) ? name["SIG".Length..] : name;
        for (Signal signal = Signal.SIGHUP; signal <= Signal.SIGSYS; signal++)
        {
            if (name == Encoding.ASCII.GetString(SignalNames.GetShort(signal)))
            {
                return (int)signal;
            }
        }

        throw new CommandFailedException(ExitStatus.Usage, $"{flag}: there is no signal '{text}'; write TERM, SIGTERM or 15");
    }
}

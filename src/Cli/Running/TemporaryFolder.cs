namespace Semitone.Cli.Running;

/// <summary>A folder of the guest that is in memory (tmpfs), over whatever is there: <c>PATH[:mode=OCTAL]</c>, as docker has it.</summary>
/// <param name="Path">Absolute path in the guest.</param>
/// <param name="Mode">Its permissions, in octal digits.</param>
public sealed record TemporaryFolder(string Path, string Mode)
{
    private const string Flag = "--tmpfs";

    /// <summary>Docker's: everybody may write there, as in /tmp.</summary>
    private const string DefaultMode = "1777";

    /// <summary>Parses a flag's value.</summary>
    /// <exception cref="CommandFailedException">It is none.</exception>
    public static TemporaryFolder Parse(string text)
    {
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        string path = GuestPath.Check(Flag, colon < 0 ? text : text[..colon]);
        string mode = DefaultMode;
        foreach (string option in colon < 0 ? [] : text[(colon + 1)..].Split(','))
        {
            if (!option.StartsWith("mode=", StringComparison.Ordinal))
            {
                throw Wrong($"'{text}': the option '{option}' is not known; there is mode=OCTAL");
            }

            mode = option["mode=".Length..];
            if (mode.Length is 0 or > 4 || mode.Any(digit => digit is < '0' or > '7'))
            {
                throw Wrong($"'{text}': '{mode}' is no mode; write one such as 1777 or 755");
            }
        }

        return new TemporaryFolder(path, mode);
    }

    /// <summary>The entry of <c>vfs.fstab</c> that makes it.</summary>
    public string ToMountEntry() => $"tmpfs:{Path}:ramfs::mode={Mode}:mkmp";

    private static CommandFailedException Wrong(string problem) => new(ExitStatus.Usage, $"{Flag}: {problem}");
}

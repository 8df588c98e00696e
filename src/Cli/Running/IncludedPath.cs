using Semitone.Cli.Posix;

namespace Semitone.Cli.Running;

/// <summary>A file or folder of the host that is packed besides what the program takes: <c>PATH[:GUEST]</c>.</summary>
/// <param name="Source">Absolute path on the host.</param>
/// <param name="Target">Absolute path in the guest.</param>
public sealed record IncludedPath(string Source, string Target)
{
    /// <summary>Parses a flag's value. Only a colon before a slash parts the two: other colons are the names' own.</summary>
    public static IncludedPath Parse(string text)
    {
        int colon = text.LastIndexOf(":/", StringComparison.Ordinal);
        string source = colon < 0 ? text : text[..colon];
        if (source.Length == 0)
        {
            throw new CommandFailedException(ExitStatus.Usage, $"--include: '{text}' names no file; write PATH or PATH:/path/in/the/guest");
        }

        string path = HostFile.GetFullPath(source);
        string target = colon < 0 ? path : Path.GetFullPath(text[(colon + 1)..]);
        return new IncludedPath(path, target.Length > 1 ? target.TrimEnd('/') : target);
    }
}

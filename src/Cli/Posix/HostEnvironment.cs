namespace Semitone.Cli.Posix;

/// <summary>The arguments and variables that we were started with, byte for byte (see <see cref="HostText"/>).</summary>
internal static class HostEnvironment
{
    private static readonly Lazy<string[]> s_variables = new(ReadVariables);

    /// <summary>All variables, <c>NAME=VALUE</c>.</summary>
    public static IReadOnlyList<string> Variables => s_variables.Value;

    /// <summary>Gets a variable's value; null when it is not set.</summary>
    public static string? Get(string name)
    {
        string prefix = name + "=";
        return Array.Find(s_variables.Value, variable => variable.StartsWith(prefix, StringComparison.Ordinal))?[prefix.Length..];
    }

    /// <summary>Gives the arguments as they were passed.</summary>
    /// <param name="decoded">What the runtime made of them: the last words of our command line.</param>
    public static string[] ReadArguments(string[] decoded)
    {
        if (!Array.Exists(decoded, argument => argument.Contains('\uFFFD')))
        {
            return decoded;
        }

        string[] words = ReadWords("/proc/self/cmdline");
        return words.Length >= decoded.Length ? words[^decoded.Length..] : decoded;
    }

    private static string[] ReadVariables()
    {
        string[] variables = ReadWords("/proc/self/environ");
        if (variables.Length > 0)
        {
            return variables;
        }

        // Without /proc.
        return [.. Environment.GetEnvironmentVariables()
            .Cast<System.Collections.DictionaryEntry>()
            .Select(variable => $"{variable.Key}={variable.Value}")];
    }

    private static string[] ReadWords(string path)
    {
        ReadOnlySpan<byte> bytes = HostFile.TryReadAll(path, out byte[] content) ? content : [];
        List<string> words = [];
        while (!bytes.IsEmpty)
        {
            int end = bytes.IndexOf((byte)0);
            end = end < 0 ? bytes.Length : end;
            words.Add(HostText.FromBytes(bytes[..end]));
            bytes = end < bytes.Length ? bytes[(end + 1)..] : [];
        }

        return [.. words];
    }
}

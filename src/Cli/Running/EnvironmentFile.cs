using Semitone.Cli.Posix;

namespace Semitone.Cli.Running;

/// <summary>Files of environment variables as Docker has them for its <c>--env-file</c>.</summary>
/// <remarks>
/// A variable a line, <c>NAME=VALUE</c> or <c>NAME</c> for the host's value; nothing is quoted or expanded, and lines that start with # are
/// comments.
/// </remarks>
internal static class EnvironmentFile
{
    /// <summary>Reads a file.</summary>
    /// <returns>What <c>--env</c> would have been given.</returns>
    public static List<string> Read(string path)
    {
        if (!HostFile.TryReadAll(path, out byte[] content))
        {
            throw new CommandFailedException(ExitStatus.Usage, $"--env-file: {path} cannot be read");
        }

        return Parse(HostText.FromBytes(content), path);
    }

    internal static List<string> Parse(string text, string path)
    {
        List<string> variables = [];
        int number = 0;
        foreach (string raw in text.TrimStart('\uFEFF').Split('\n'))
        {
            number++;
            string line = raw.TrimEnd('\r').TrimStart(' ', '\t');
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            string name = line.Split('=')[0];
            if (name.Length == 0 || name.AsSpan().ContainsAny(" \t\0") || line.Contains('\0'))
            {
                throw new CommandFailedException(
                    ExitStatus.Usage, $"--env-file: {path}, line {number}: '{name}' cannot be the name of a variable");
            }

            variables.Add(line);
        }

        return variables;
    }
}

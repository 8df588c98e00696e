using System.CommandLine;
using System.Reflection;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Commands;

/// <summary><c>semitone version</c>.</summary>
internal static class VersionCommand
{
    public static Command Build()
    {
        Command command = new("version", "Show the version");
        command.SetAction(_ =>
        {
            string version =
                typeof(VersionCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion
                    ?? "unknown";
            Output.Write($"semitone {version}\n");
            return 0;
        });
        return command;
    }
}

using System.CommandLine;
using System.Globalization;
using Semitone.Cli.Machines;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Commands;

/// <summary><c>semitone logs</c>: its flags are docker's.</summary>
internal static class LogsCommand
{
    private const int PollMs = 50;

    public static Command Build()
    {
        Argument<string> machine = MachineArguments.One();
        Option<bool> follow = new("--follow", "-f") { Description = "Go on until the machine ends" };
        Option<string> tail =
            new("--tail", "-n") { Description = "The last lines only", DefaultValueFactory = _ => "all", HelpName = "LINES" };
        Option<bool> timestamps = new("--timestamps", "-t") { Description = "When each line began, in UTC" };
        Command command = new("logs", "Show what a machine has said") { machine, follow, tail, timestamps };
        command.SetAction(result =>
        {
            (MachineFolder folder, _) = MachineStore.OfUser.Find(result.GetValue(machine)!);
            using LogReader reader = new(folder.LogFile);
            LogPrinter printer = new(result.GetValue(timestamps));
            if (ReadTail(result.GetValue(tail)!) is { } lines)
            {
                reader.ReadLast(lines, printer.Print);
                if (!result.GetValue(follow))
                {
                    return 0;
                }
            }
            else
            {
                reader.SeekStart();
            }

            bool follows = result.GetValue(follow);
            while (true)
            {
                // In this order: what was said before the end is there when it has ended.
                bool isLast = !follows || !folder.IsHeld;
                reader.Read(printer.Print);
                if (isLast || printer.IsBroken)
                {
                    return 0;
                }

                Thread.Sleep(PollMs);
            }
        });
        return command;
    }

    private static long? ReadTail(string text) => text == "all" ? null
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long lines) ? lines
        : throw new CommandFailedException(ExitStatus.Usage, $"--tail: '{text}' is no number of lines; write 10, or all");
}

using System.CommandLine;
using System.Globalization;
using Semitone.Cli.Machines;

namespace Semitone.Cli.Commands;

/// <summary><c>semitone stop</c>: the program first, then the machine.</summary>
internal static class StopCommand
{
    public static Command Build()
    {
        Argument<string[]> machines = MachineArguments.Several(isOptional: true);
        Option<bool> all = MachineArguments.All();
        Option<string?> signal = new("--signal", "-s") { Description = "What tells the program to end [default: TERM]", HelpName = "NAME" };
        Option<string?> time = new("--time", "-t", "--timeout")
        {
            Description = "How long it may take, in seconds, before the machine is ended; -1 for ever [default: 10]",
            HelpName = "SECONDS"
        };
        Command command = new("stop", "Tell programs to end, and end their machines") { machines, all, signal, time };
        command.SetAction(result =>
        {
            int number = result.GetValue(signal) is { } text ? SignalText.Parse("--signal", text) : 0;
            double? seconds = ReadTime(result.GetValue(time));
            return MachineArguments.ForEach(
                result.GetValue(machines) ?? [],
                result.GetValue(all),
                state => state.IsUp,
                (folder, record) =>
                {
                    // One that does not run is stopped already, as docker sees it.
                    ControlRequest request = new() { Action = ControlAction.Stop, Signal = number, TimeoutSeconds = seconds };
                    double patience = seconds ?? record.StopTimeoutSeconds;
                    TimeSpan work = patience < 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(Math.Min(patience, 1e6));
                    if (MachineControl.Ask(folder, record, request, work) is not null)
                    {
                        MachineControl.AwaitRelease(folder);
                    }

                    return record.Name;
                });
        });
        return command;
    }

    private static double? ReadTime(string? text)
    {
        if (text is null)
        {
            return null;
        }

        bool isNumber = double.TryParse(
            text, NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out double seconds);
        return isNumber && (seconds >= 0 || seconds == -1)
            ? seconds
            : throw new CommandFailedException(
                ExitStatus.Usage, $"--time: '{text}' is no number of seconds; write 10, 0.5, or -1 for ever");
    }
}

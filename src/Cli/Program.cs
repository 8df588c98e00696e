using System.CommandLine;
using System.CommandLine.Parsing;
using Semitone.Cli.Commands;
using Semitone.Cli.Posix;

namespace Semitone.Cli;

/// <summary>The <c>semitone</c> command.</summary>
public static class Program
{
    private const string Statuses =
        """
        Exit statuses of `semitone run`: the program's own, and
          121      the kernel failed (a bug: please report it)
          122      the virtual machine failed, or ended without a status
          124      --timeout ran out
          125      the command line is wrong
          126      the program was found but cannot be run
          127      the program, its interpreter or a library was not found
          128+N    signal N ended the program; of SIGINT, SIGTERM and the like semitone dies itself

        """;

    public static int Main(string[] arguments)
    {
        Descriptor.EnsureStandardStreams();
        try
        {
            return Run(HostEnvironment.ReadArguments(arguments));
        }
        catch (CommandFailedException failure)
        {
            foreach (string line in failure.Message.Split('\n'))
            {
                Say($"semitone: {line}");
            }

            return failure.Status;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or OutOfMemoryException)
        {
            // The host's: a full disk, a file that went away meanwhile.
            Say($"semitone: {failure.Message}");
            return ExitStatus.Usage;
        }
        finally
        {
            Terminal.Leave();
        }
    }

    private static int Run(string[] arguments)
    {
        // The program and what stands behind it are not ours, even where they look like flags of ours: the parser does not see them.
        RunCommand run = new();
        arguments = arguments is ["help", .. string[] about] ? [.. about.Take(1), "--help"] : arguments;
        string[] own = run.TakeProgram(arguments);
        RootCommand root = new("Runs unmodified Linux x86-64 programs, each in a virtual machine of its own.");
        root.Add(run.Command);
        root.Add(PsCommand.Build());
        root.Add(LogsCommand.Build());
        root.Add(StopCommand.Build());
        root.Add(KillCommand.Build());
        root.Add(RemoveCommand.Build());
        root.Add(StartCommand.Build());
        root.Add(InspectCommand.Build());
        root.Add(AttachCommand.Build());
        root.Add(PauseCommand.BuildPause());
        root.Add(PauseCommand.BuildUnpause());
        root.Add(WaitCommand.Build());
        root.Add(StatsCommand.Build());
        root.Add(SuperviseCommand.Build());
        root.Add(BenchCommand.Build());
        root.Add(KvmCommand.Build());
        root.Add(VersionCommand.Build());
        root.Add(CompletionCommand.Build(root));
        ParseResult result = root.Parse(own, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (result.Errors.Count > 0 && own.Length > 0)
        {
            string message = result.UnmatchedTokens is [{ } unknown, ..]
                ? DescribeUnknown(unknown, result.CommandResult.Command)
                : result.Errors[0].Message.TrimEnd('.');
            throw new CommandFailedException(
                ExitStatus.Usage,
                $"{message}\nsee semitone "
                    + $"{(result.CommandResult.Command is RootCommand ? "" : result.CommandResult.Command.Name + " ")}--help");
        }

        int status = result.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        if (IsHelp(result))
        {
            bool isRun = result.CommandResult.Command == run.Command;
            string more = isRun ? RunCommand.Examples + Statuses : result.CommandResult.Command is RootCommand ? Statuses : "";
            Output.Write(more);
        }

        return own.Length == 0 ? ExitStatus.Usage : status;
    }

    private static string DescribeUnknown(string word, Command command)
    {
        if (word.StartsWith('-'))
        {
            return $"unknown flag '{word}'"
                + Spelling.Suggest(word.Split('=')[0], command.Options.SelectMany(option => option.Aliases.Prepend(option.Name)));
        }

        return command is RootCommand
            ? $"there is no command '{word}'{Spelling.Suggest(word, command.Subcommands.Select(subcommand => subcommand.Name))}"
            : $"{command.Name} takes no '{word}'";
    }

    private static bool IsHelp(ParseResult result) => result.Action is System.CommandLine.Help.HelpAction;

    private static void Say(string line) => Descriptor.TryWrite(Descriptor.StandardError, HostText.ToBytes(line + "\n"));
}

using System.CommandLine;
using System.Text;
using Semitone.Cli.Machines;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Commands;

/// <summary>What the commands about machines have in common.</summary>
internal static class MachineArguments
{
    /// <summary>Of one or more machines.</summary>
    public static Argument<string[]> Several(bool isOptional = false) => new("MACHINE")
    {
        Description = "Names, or the first digits of identifiers",
        Arity = isOptional ? ArgumentArity.ZeroOrMore : ArgumentArity.OneOrMore,
    };

    /// <summary>Of one machine.</summary>
    public static Argument<string> One() => new("MACHINE") { Description = "Its name, or the first digits of its identifier" };

    /// <summary>For all machines.</summary>
    public static Option<bool> All() => new("--all") { Description = "All machines" };

    /// <summary>Does something to each of some machines; says what comes of it, and goes on where it could not be done.</summary>
    /// <param name="references">Names or identifiers.</param>
    /// <param name="isAll">All machines that it can be done to, whatever is named.</param>
    /// <param name="isMeant">Of all, those that it can be done to.</param>
    /// <param name="act">Gives what to print; throws where it could not be done.</param>
    /// <returns>1 when it could not be done to one of them.</returns>
    public static int ForEach(
        string[] references, bool isAll, Func<MachineState, bool> isMeant, Func<MachineFolder, MachineRecord, string?> act)
    {
        if (references.Length == 0 && !isAll)
        {
            throw new CommandFailedException(ExitStatus.Usage, "name a machine, or say --all; semitone ps -a lists them");
        }

        MachineStore store = MachineStore.OfUser;
        IEnumerable<string> wanted = isAll
            ? store.List().Where(machine => isMeant(machine.Folder.ReadState())).Select(machine => machine.Record.Name)
            : references;
        int status = 0;
        foreach (string reference in wanted)
        {
            try
            {
                (MachineFolder folder, MachineRecord record) = store.Find(reference);
                if (act(folder, record) is { } line)
                {
                    Print(line);
                }
            }
            catch (Exception failure) when (failure is CommandFailedException or IOException)
            {
                SayProblem(failure.Message);
                status = ExitStatus.General;
            }
        }

        return status;
    }

    /// <summary>Prints a line.</summary>
    public static void Print(string line) => Output.Write(line + "\n");

    public static void SayProblem(string message)
    {
        StringBuilder lines = new();
        foreach (string line in message.Split('\n'))
        {
            lines.Append($"semitone: {line}\n");
        }

        Descriptor.TryWrite(Descriptor.StandardError, HostText.ToBytes(lines.ToString()));
    }
}

using System.CommandLine;
using System.Globalization;
using Semitone.Cli.Machines;
using Semitone.Cli.Posix;
using Semitone.Cli.Running;

namespace Semitone.Cli.Commands;

/// <summary><c>semitone stats</c>: what machines take of the host.</summary>
internal static class StatsCommand
{
    private const int PeriodMs = 1000;

    public static Command Build()
    {
        Argument<string[]> machines = MachineArguments.Several(isOptional: true);
        Option<bool> noStream = new("--no-stream") { Description = "Once, and not again and again" };
        Command command = new("stats", "Show what machines take of the host's CPU and memory") { machines, noStream };
        command.SetAction(result =>
        {
            string[] references = result.GetValue(machines) ?? [];
            bool isOnce = result.GetValue(noStream) || !Descriptor.IsTerminal(Descriptor.StandardOutput);
            while (true)
            {
                string table = Measure(references);
                Output.Write(isOnce ? table : "\e[H\e[J" + table);
                if (isOnce)
                {
                    return 0;
                }
            }
        });
        return command;
    }

    private static string Measure(string[] references)
    {
        MachineStore store = MachineStore.OfUser;
        List<(MachineRecord Record, ProcessIdentity Qemu)> machines = [];
        foreach ((MachineFolder folder, MachineRecord record) in references.Length > 0 ? references.Select(store.Find) : store.List())
        {
            if (folder.ReadState() is { IsUp: true, Qemu: { } qemu })
            {
                machines.Add((record, qemu));
            }
        }

        long[] before = [.. machines.Select(machine => ReadCpuTicks(machine.Qemu))];
        long start = Environment.TickCount64;
        Thread.Sleep(PeriodMs);
        double seconds = (Environment.TickCount64 - start) / 1000.0;
        TextTable table = new("NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %", "PID");
        for (int i = 0; i < machines.Count; i++)
        {
            // USER_HZ, which is 100 on this architecture (time(7)).
            const double TicksPerSecond = 100;
            (MachineRecord record, ProcessIdentity qemu) = machines[i];
            double share = Math.Max(0, ReadCpuTicks(qemu) - before[i]) / TicksPerSecond / seconds;
            long memory = ReadResidentBytes(qemu);
            table.Add(
                record.Name,
                string.Create(CultureInfo.InvariantCulture, $"{share * 100:0.00}%"),
                $"{MemorySize.FormatRoughly(memory)} / {MemorySize.FormatRoughly(record.MemoryBytes)}",
                string.Create(CultureInfo.InvariantCulture, $"{100.0 * memory / record.MemoryBytes:0.00}%"),
                qemu.Process.ToString(CultureInfo.InvariantCulture));
        }

        return table.ToString();
    }

    private static long ReadCpuTicks(ProcessIdentity process)
    {
        // proc_pid_stat(5): utime and stime are the fields 14 and 15; the name, field 2, may have blanks and parentheses in it.
        const int UserTime = 14 - 3;
        string text = HostFile.ReadText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process.Process}/stat"));
        string[] fields = text[(text.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields.Length > UserTime + 1
            && long.TryParse(fields[UserTime], CultureInfo.InvariantCulture, out long user)
            && long.TryParse(fields[UserTime + 1], CultureInfo.InvariantCulture, out long system)
            ? user + system
            : 0;
    }

    private static long ReadResidentBytes(ProcessIdentity process)
    {
        // proc_pid_statm(5): the second field, in pages.
        const long PageSize = 4096;
        string[] fields = HostFile.ReadText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process.Process}/statm")).Split(' ');
        return fields.Length > 1 && long.TryParse(fields[1], CultureInfo.InvariantCulture, out long pages) ? pages * PageSize : 0;
    }
}

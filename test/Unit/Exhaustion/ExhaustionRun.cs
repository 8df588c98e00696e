using System.Text;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Fakes;
using Semitone.Files;
using Semitone.Tasks;
using Semitone.Unit.Tasks;

namespace Semitone.Unit.Exhaustion;

/// <summary>Runs a scenario again and again, each time with another allocation that fails.</summary>
/// <remarks>Used in the copy of these tests whose kernel is instrumented.</remarks>
internal static class ExhaustionRun
{
    public static (string[] Findings, int FaultCount) Explore(string scenario, int stride)
    {
        Func<ScenarioProgram, IEnumerable<Call>> main = Scenarios.All[scenario];

        // The first run makes what is made once; the second counts.
        _ = Play(main, FaultKind.None, 0);
        Outcome normal = Play(main, FaultKind.None, 0);
        List<string> findings = [.. normal.Findings.Select(finding => $"without a fault: {finding}")];
        int count = 0;
        for (int number = 1; number <= normal.AllocationCount && findings.Count < 20; number += stride)
        {
            Outcome outcome = Play(main, FaultKind.Allocation, number);
            count++;
            findings.AddRange(
                Compare(normal, outcome, mayDie: true).Select(finding => $"allocation {number} ({outcome.Place}): {finding}"));
        }

        for (int number = 1; number <= normal.QuestionCount && findings.Count < 20; number++)
        {
            Outcome outcome = Play(main, FaultKind.Question, number);
            count++;
            findings.AddRange(Compare(normal, outcome, mayDie: false).Select(finding => $"question {number} ({outcome.Place}): {finding}"));
        }

        return ([.. findings], count);
    }

    private static IEnumerable<string> Compare(Outcome normal, Outcome outcome, bool mayDie)
    {
        foreach (string finding in outcome.Findings)
        {
            yield return finding;
        }

        if (outcome.Findings.Count != 0)
        {
            yield break;
        }

        if (outcome.UsedFrames != normal.UsedFrames && !outcome.HasChildren)
        {
            yield return $"{outcome.UsedFrames} frames are in use at the end, not {normal.UsedFrames}";
        }

        if (outcome.Status.Signal != Signal.None)
        {
            if (!mayDie)
            {
                yield return "the program died where an errno was to be had";
            }
        }
        else if (outcome.HasKilledChild)
        {
            if (!mayDie)
            {
                yield return "a child died where an errno was to be had";
            }
        }
        else if (!outcome.Results.SequenceEqual(normal.Results))
        {
            int difference = Enumerable.Range(0, Math.Min(outcome.Results.Count, normal.Results.Count))
                .FirstOrDefault(i => outcome.Results[i] != normal.Results[i], Math.Min(outcome.Results.Count, normal.Results.Count));
            string? answer = outcome.Results.ElementAtOrDefault(difference);
            yield return $"call {difference} answered {answer}, not {normal.Results.ElementAtOrDefault(difference)}";
        }
    }

    private static Outcome Play(Func<ScenarioProgram, IEnumerable<Call>> main, FaultKind kind, int number)
    {
        List<string> findings = [];
        Guest guest = new();
        ScenarioProgram program = new(guest, main);
        ExitStatus status = default;
        AllocationFault.Prepare(kind, number);
        AllocationFault.Watch(true);
        try
        {
            status = guest.System.RunInit();
        }
        catch (Exception exception)
        {
            findings.Add($"the machine stops: {exception}");
        }

        AllocationFault.Watch(false);
        if (guest.Console.Contains("kernel bug", StringComparison.Ordinal))
        {
            findings.Add(guest.Console);
        }

        if (KernelLock.IsAnyHeld)
        {
            findings.Add("a lock is held");
        }

        bool hasChildren = HasChildren(guest);
        if (findings.Count == 0 && !hasChildren)
        {
            try
            {
                Check(guest, findings);
            }
            catch (InvalidOperationException exception)
            {
                findings.Add(exception.ToString());
            }
        }

        return new Outcome(
            status,
            program.Results,
            findings,
            guest.System.Frames.UsedCount,
            hasChildren,
            guest.Console.Contains("own memory ran out", StringComparison.Ordinal),
            AllocationFault.AllocationCount,
            AllocationFault.QuestionCount,
            AllocationFault.Place);
    }

    /// <summary>Whether the first process died before its children, which then have the machine's end for their own.</summary>
    private static bool HasChildren(Guest guest)
    {
        for (int id = 1; guest.System.Threads.TryGetNext(id, out id, out GuestThread? thread); id++)
        {
            if (thread.Process != guest.Process)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Looks whether what a process had is free again.</summary>
    private static void Check(Guest guest, List<string> findings)
    {
        // One place is the system's own, for the alarm of CPU time.
        const int OwnPlaces = 1;
        TimerQueue timers = guest.System.Executor.Timers;
        if (timers.Count != 0 || timers.ReservedCount != OwnPlaces)
        {
            findings.Add($"{timers.Count} timers are armed, {timers.ReservedCount - OwnPlaces} places reserved");
        }

        if (guest.System.Threads.Count != 1)
        {
            findings.Add($"{guest.System.Threads.Count} threads are left");
        }

        if (guest.System.Futexes.WaiterCount != 0)
        {
            findings.Add($"{guest.System.Futexes.WaiterCount} threads wait at a futex");
        }

        FileSystemContext files = guest.Process.FileSystem;
        foreach (string path in ScenarioProgram.Paths)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(path);
            if (files.Unlink(files.Root, bytes) != Errno.None)
            {
                _ = files.RemoveDirectory(files.Root, bytes);
            }
        }

        // The machine goes on: another call of the same kind finds everything as it should be.
        Errno error = files.MakeDirectory(files.Root, "/d"u8, (Mode)0x1ED);
        if (error == Errno.None)
        {
            error = files.RemoveDirectory(files.Root, "/d"u8);
        }

        if (error != Errno.None)
        {
            findings.Add($"the file system answers {error}");
        }
    }

    private sealed record Outcome(
        ExitStatus Status,
        List<string> Results,
        List<string> Findings,
        long UsedFrames,
        bool HasChildren,
        bool HasKilledChild,
        int AllocationCount,
        int QuestionCount,
        string Place);
}

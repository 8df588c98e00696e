namespace Semitone.Tasks;

/// <summary>What getrusage(2) tells besides time: of a thread, or summed up of threads and processes that have ended.</summary>
public struct TaskUsage
{
    /// <summary>Page faults that were served with what was there.</summary>
    public long MinorFaults;

    /// <summary>Page faults for which a page had to be fetched.</summary>
    public long MajorFaults;

    /// <summary>System calls that waited.</summary>
    public long VoluntarySwitches;

    public long InvoluntarySwitches;

    /// <summary>The most pages that one process had of them when it ended.</summary>
    public long ResidentPages;

    /// <summary>Adds what others have used.</summary>
    public void Add(in TaskUsage other)
    {
        MinorFaults += other.MinorFaults;
        MajorFaults += other.MajorFaults;
        VoluntarySwitches += other.VoluntarySwitches;
        InvoluntarySwitches += other.InvoluntarySwitches;
        ResidentPages = Math.Max(ResidentPages, other.ResidentPages);
    }
}

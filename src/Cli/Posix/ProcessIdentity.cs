using System.Globalization;

namespace Semitone.Cli.Posix;

/// <summary>A process that cannot be taken for another which got its number later, on this boot of the host or the next.</summary>
/// <param name="Process">Its number.</param>
/// <param name="StartTicks">When it was started, in clock ticks since the host's boot.</param>
/// <param name="Boot">The host's boot.</param>
internal sealed record ProcessIdentity(int Process, long StartTicks, string Boot)
{
    private static string CurrentBoot => HostFile.ReadText("/proc/sys/kernel/random/boot_id").Trim();

    /// <summary>Finds the identity of a process that runs.</summary>
    /// <returns>Null when there is none of that number.</returns>
    public static ProcessIdentity? Of(int process) =>
        ReadStartTicks(process) is { } ticks ? new ProcessIdentity(process, ticks, CurrentBoot) : null;

    /// <summary>Whether it is still there; a zombie is not.</summary>
    public bool IsAlive => Boot == CurrentBoot && ReadStartTicks(Process) == StartTicks;

    /// <summary>Sends a signal to this process, and to no other that has its number now.</summary>
    /// <returns>False when it is gone or not ours.</returns>
    public bool TrySignal(int signal)
    {
        // The descriptor stands for the process that has the number when it is made; if that is ours by then, it stays ours.
        int descriptor = (int)LibC.syscall(LibC.SYS_pidfd_open, Process, 0, 0, 0);
        if (descriptor < 0)
        {
            return false;
        }

        bool isSent = IsAlive && LibC.syscall(LibC.SYS_pidfd_send_signal, descriptor, signal, 0, 0) == 0;
        LibC.close(descriptor);
        return isSent;
    }

    private static long? ReadStartTicks(int process)
    {
        // proc_pid_stat(5): the name, second and in parentheses, may hold anything; the state is the third field, the start the 22nd.
        const int State = 0;
        const int Start = 22 - 3;
        string text = HostFile.ReadText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/stat"));
        string[] fields = text[(text.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields.Length > Start && fields[State] is not ("Z" or "X")
            && long.TryParse(fields[Start], NumberStyles.None, CultureInfo.InvariantCulture, out long ticks)
            ? ticks
            : null;
    }
}

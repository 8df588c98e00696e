using System.Globalization;
using Semitone.Cli.Posix;
using Semitone.Cli.Qemu;

namespace Semitone.Cli.Running;

/// <summary>How large a root file system may be, and what allows no more.</summary>
/// <param name="Bytes">Of the packed archive.</param>
/// <param name="Reason">What the limit comes from, as the end of a sentence.</param>
internal readonly record struct RootLimit(long Bytes, string Reason)
{
    /// <summary>For whoever has no machine to fit into.</summary>
    public static readonly RootLimit None = new(long.MaxValue, "");

    /// <summary>Finds the tightest limit of those that stand before anything is packed.</summary>
    /// <param name="request">What the user asked for.</param>
    /// <param name="kernelEnd">Where the kernel ends in physical memory.</param>
    /// <param name="availableBytes">Memory that the host can give away.</param>
    public static RootLimit Find(RunRequest request, long kernelEnd, long availableBytes)
    {
        // It lies in memory twice, once of ours and once of the machine's.
        RootLimit host = new(availableBytes / 2, "half of the memory that this host has free, as it lies there twice");
        RootLimit board = new(
            GetLargestArchive(request.Machine) - kernelEnd,
            request.Machine == MachineType.MicroVm
                ? "QEMU takes no larger initrd"
                : "QEMU takes no larger initrd on q35, on microvm a GiB more");
        return host.Bytes <= board.Bytes ? host : board;
    }

    /// <summary>The tighter of this limit and the one that the size of the machine's memory sets.</summary>
    public RootLimit Within(RunRequest request, long kernelEnd)
    {
        if (request.MemoryBytes is not { } memory || memory - kernelEnd >= Bytes)
        {
            return this;
        }

        return new RootLimit(
            Math.Max(0, memory - kernelEnd),
            $"what --memory {request.MemoryText ?? MemorySize.Format(memory)} leaves beside the kernel");
    }

    /// <summary>Reads from /proc/meminfo what the host can give away without swapping.</summary>
    /// <returns>The largest number where it does not say.</returns>
    public static long ReadAvailableBytes()
    {
        const string Prefix = "MemAvailable:";
        string line = Array.Find(
            HostFile.ReadText("/proc/meminfo").Split('\n'), candidate => candidate.StartsWith(Prefix, StringComparison.Ordinal)) ?? "";
        string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return words.Length > 1 && long.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out long kib)
            ? kib * 1024
            : long.MaxValue;
    }

    /// <summary>
    /// QEMU puts an initrd below what devices take of the first 4 GiB: that begins at 3 GiB on microvm, and at 2 GiB on a q35 with so much
    /// memory.
    /// </summary>
    private static long GetLargestArchive(MachineType machine) => machine == MachineType.MicroVm ? 3L << 30 : 2L << 30;
}

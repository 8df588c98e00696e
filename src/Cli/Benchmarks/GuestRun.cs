using System.Diagnostics;
using System.Text;
using Semitone.Cli.Posix;
using Semitone.Cli.Qemu;

namespace Semitone.Cli.Benchmarks;

/// <summary>What one run of a machine gave.</summary>
/// <param name="FirstLineMs">From the start of QEMU to the text that was waited for; null when it never came.</param>
/// <param name="Output">All that came over the serial line.</param>
/// <param name="Arrivals">When each piece of the output came: the piece's end, and the host's clock in milliseconds from the start of
/// QEMU.</param>
internal sealed record GuestRun(double? FirstLineMs, string Output, IReadOnlyList<(int End, double Ms)> Arrivals)
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(120);

    /// <summary>Boots a machine, waits for a text in its output, and reads on to the end of that line.</summary>
    /// <remarks>The flags are the same for every system; a run differs from another by kernel, archive and command line alone.</remarks>
    public static GuestRun Measure(
        BenchmarkOptions options,
        GuestSystem system,
        GuestWorkload workload,
        string awaited,
        long memoryBytes,
        string? arguments = null,
        TimeSpan? limit = null)
    {
        QemuOptions machine = new()
        {
            Executable = options.QemuExecutable,
            Machine = options.Machine,
            Accelerator = options.Accelerator,
            KvmDevice = options.KvmDevice,
            RemovedCpuFlags = options.RemovedCpuFlags,
            MemoryBytes = memoryBytes,
            KernelPath = system.KernelPath,
            InitialRamDiskPath = "/proc/self/fd/3",
            KernelCommandLine = system.DescribeProgram(workload.Program, arguments ?? workload.Arguments),
            CountInstructions = options.CountsInstructions,
        };
        List<string> command = QemuCommandLine.Build(machine);
        Stopwatch time = Stopwatch.StartNew();
        ChildProcess qemu = ChildProcess.Start(command, (int)workload.Archive.SafeFileHandle.DangerousGetHandle());
        using Timer timer = new(_ => qemu.Kill(), null, limit ?? s_limit, Timeout.InfiniteTimeSpan);
        double? firstLineMs = null;
        StringBuilder output = new();
        List<(int End, double Ms)> arrivals = [];
        byte[] buffer = new byte[16 * 1024];
        int length;
        while ((length = Descriptor.Read(qemu.Output, buffer)) > 0)
        {
            output.Append(Encoding.Latin1.GetString(buffer, 0, length));
            arrivals.Add((output.Length, time.Elapsed.TotalMilliseconds));
            string text = output.ToString();
            int found = text.IndexOf(awaited, StringComparison.Ordinal);
            if (found < 0)
            {
                continue;
            }

            firstLineMs ??= time.Elapsed.TotalMilliseconds;
            if (text.IndexOf('\n', found) >= 0)
            {
                break;
            }
        }

        qemu.Kill();
        qemu.Wait();
        qemu.Close();
        return new GuestRun(firstLineMs, output.ToString(), arrivals);
    }
}

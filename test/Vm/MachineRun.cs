using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Semitone.Cli.Qemu;

namespace Semitone.Vm;

/// <summary>What a machine wrote on its console, and how it ended.</summary>
/// <param name="Status">QEMU's.</param>
/// <param name="HasHung">It did not end in time and was killed.</param>
internal sealed record MachineRun(string Console, string Problems, int Status, bool HasHung)
{
    /// <summary>QEMU's status after the kernel wrote 60 to isa-debug-exit.</summary>
    public const int PanicStatus = (60 << 1) | 1;

    /// <summary>Long enough for a host that does other things too; a run takes about a second.</summary>
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(3);

    private static readonly ConcurrentDictionary<string, Lazy<MachineRun>> s_runs = new();

    public bool HasPanicked => Status == PanicStatus || Console.Contains("kernel panic", StringComparison.Ordinal);

    /// <summary>Runs the guest's cases, once for each variant.</summary>
    public static MachineRun OfCases(Variant variant) =>
        s_runs.GetOrAdd(variant.Name, _ => new Lazy<MachineRun>(() => Boot(variant))).Value;

    /// <summary>Boots the guest's image.</summary>
    /// <param name="words">More words for the kernel command line.</param>
    public static MachineRun Boot(Variant variant, string words = "", TimeSpan? limit = null)
    {
        QemuOptions options = new()
        {
            Machine = variant.Machine,
            Accelerator = variant.Accelerator,
            CpuModel = variant.Cpu,
            RemovedCpuFlags = variant.RemovedCpuFlags,
            MemoryBytes = variant.MemoryBytes,
            CountInstructions = variant.CountsInstructions,
            KernelPath = Repository.GuestTests,
            KernelCommandLine = $"tests devices={variant.DeviceCount} {words}",
        };
        if (variant.InitialRamDiskSize == 0)
        {
            return Run([.. QemuCommandLine.Build(options), .. variant.Devices], limit);
        }

        string path = Path.GetTempFileName();
        try
        {
            byte[] content = new byte[variant.InitialRamDiskSize];
            new Random(variant.InitialRamDiskSize).NextBytes(content);
            File.WriteAllBytes(path, content);
            options = options with
            {
                InitialRamDiskPath = path,
                KernelCommandLine = $"{options.KernelCommandLine} initrd={content.Length}:{Sum(content)}"
            };
            return Run(QemuCommandLine.Build(options), limit);
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>Runs a QEMU command to its end.</summary>
    public static MachineRun Run(IReadOnlyList<string> command, TimeSpan? limit = null)
    {
        ProcessStartInfo start = new(command[0], command.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.Latin1,
        };
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> console = process.StandardOutput.ReadToEndAsync();
        Task<string> problems = process.StandardError.ReadToEndAsync();
        bool hasEnded = process.WaitForExit(limit ?? s_limit);
        if (!hasEnded)
        {
            process.Kill();
        }

        process.WaitForExit();
        return new MachineRun(console.GetAwaiter().GetResult(), problems.GetAwaiter().GetResult(), process.ExitCode, !hasEnded);
    }

    public string Describe() =>
        $"{(HasHung ? "the machine hung and was killed" : HasPanicked ? "the kernel panicked" : $"QEMU ended with {Status}")}\n--- "
            + $"console\n{Console}\n--- QEMU\n{Problems}";

    /// <summary>What the guest is to find when it adds the initrd up.</summary>
    public static string Sum(ReadOnlySpan<byte> bytes)
    {
        ulong sum = 0;
        for (int i = 0; i < bytes.Length; i++)
        {
            sum += bytes[i] * (ulong)(i + 1);
        }

        return sum.ToString(CultureInfo.InvariantCulture);
    }
}

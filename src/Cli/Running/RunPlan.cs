using System.Globalization;
using System.Text;
using Semitone.BootParameters;
using Semitone.Cli.Posix;
using Semitone.Cli.Qemu;

namespace Semitone.Cli.Running;

/// <summary>The virtual machine that a request comes down to.</summary>
internal static class RunPlan
{
    /// <summary>What kraft gives a machine; ours has this besides what its root file system takes.</summary>
    public const long DefaultMemoryBytes = 64L << 20;

    /// <summary>The host backs whole large pages with one fault each: the archive lies at the end of memory.</summary>
    private const long LargePageBytes = 2 << 20;

    /// <summary>The PATH that a program has unless something else is said.</summary>
    public const string DefaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// <summary>Plans the machine.</summary>
    /// <param name="request">What the user asked for.</param>
    /// <param name="guest">The root file system and the command.</param>
    /// <param name="host">What the host has.</param>
    public static QemuOptions Create(RunRequest request, GuestProgram guest, HostCapabilities host)
    {
        long memory = request.MemoryBytes ?? Math.Max(DefaultMemoryBytes, guest.MemoryBytes) + RoundUp(guest.ArchiveBytes, LargePageBytes);

        // QEMU puts the archive at the end of memory, over the kernel if it must.
        long needed = host.KernelEnd + guest.ArchiveBytes;
        if (memory <= needed)
        {
            throw new CommandFailedException(
                ExitStatus.Usage,
                $"--memory: {request.MemoryText ?? MemorySize.Format(memory)} does not hold the kernel and the root file system, "
                + $"which take {MemorySize.Format(RoundUp(needed, 1 << 20))}");
        }

        QemuOptions machine = new()
        {
            Executable = host.QemuExecutable,
            Machine = request.Machine,
            CpuModel = request.CpuModel,
            MemoryBytes = memory,
            KernelPath = host.KernelPath,
            InitialRamDiskPath = guest.ArchivePath,
            KernelCommandLine = BuildCommandLine(request, guest, host),
            Name = request.Name,
            Volumes = request.Volumes,
            Network = request.Network,
        };
        return Accelerate(machine, request.Accelerator, host);
    }

    /// <summary>Lets a machine run by what the host has.</summary>
    /// <param name="machine">One without KVM.</param>
    /// <param name="asked">What the user asked for; null for KVM where it can be used.</param>
    /// <param name="host">What there is.</param>
    public static QemuOptions Accelerate(QemuOptions machine, Accelerator? asked, HostCapabilities host)
    {
        if (asked == Accelerator.Kvm && !host.Kvm.IsUsable)
        {
            throw new CommandFailedException(
                ExitStatus.MachineFailed, $"--accel kvm: {host.Kvm.Reason}\nuse --accel tcg, or leave the flag out");
        }

        return asked != Accelerator.Tcg && host.Kvm.IsUsable
            ? machine with { Accelerator = Accelerator.Kvm, KvmDevice = host.KvmDevice, RemovedCpuFlags = host.Kvm.Removed }
            : machine;
    }

    /// <summary>The same machine without KVM.</summary>
    public static QemuOptions WithoutKvm(QemuOptions machine) =>
        machine with { Accelerator = Accelerator.Tcg, KvmDevice = null, RemovedCpuFlags = [] };

    /// <param name="unit">A power of two.</param>
    private static long RoundUp(long bytes, long unit) => (bytes + unit - 1) & -unit;

    private static string BuildCommandLine(RunRequest request, GuestProgram guest, HostCapabilities host)
    {
        CommandLineBuilder line = new("semitone"u8);
        line.Add("host.link"u8, "1"u8);
        line.Add("console.stdin"u8, host.HasNoInput ? "null"u8 : DescribeStream(host.TerminalInput));
        line.Add("console.stdout"u8, DescribeStream(host.TerminalOutput));
        line.Add("console.stderr"u8, DescribeStream(host.TerminalError));
        if (host is { TerminalRows: > 0, TerminalColumns: > 0 })
        {
            // A program may ask before the first message is there.
            line.Add("console.rows"u8, Encoding.UTF8.GetBytes(host.TerminalRows.ToString(CultureInfo.InvariantCulture)));
            line.Add("console.columns"u8, Encoding.UTF8.GetBytes(host.TerminalColumns.ToString(CultureInfo.InvariantCulture)));
        }

        if (request.Strace)
        {
            line.Add("strace"u8, "1"u8);
        }

        if (request.Statistics)
        {
            line.Add("stats"u8, "1"u8);
        }

        if (guest.WorkingDirectory is { } directory)
        {
            line.Add("program.workdir"u8, HostText.ToBytes(directory));
        }

        if (guest.User is { } user)
        {
            line.Add("program.user"u8, HostText.ToBytes(user.ToParameter()));
        }

        if (request.HostName is { } name)
        {
            line.Add("system.hostname"u8, HostText.ToBytes(name));
        }

        IEnumerable<string> mounts = request.Volumes.Select((volume, number) => volume.ToMountEntry(number))
            .Concat(request.TemporaryFolders.Select(folder => folder.ToMountEntry()));
        if (mounts.Any())
        {
            line.AddList("vfs.fstab"u8, mounts.Select(HostText.ToBytes));
        }

        if (request.Network.Address is { } address)
        {
            line.Add("netdev.ip"u8, HostText.ToBytes(address));
        }

        line.AddList("env.vars"u8, BuildEnvironment(request, guest, host).Select(HostText.ToBytes));
        foreach (string argument in request.KernelArguments)
        {
            // In the kernel's syntax already.
            line.AddVerbatim(HostText.ToBytes(argument));
        }

        byte[] text = line.Build(guest.Command.Select(HostText.ToBytes));
        return text.Length <= KernelCommandLine.MaximumLength ? HostText.FromBytes(text) : throw new CommandFailedException(
            ExitStatus.Usage,
            $"arguments and environment make a kernel command line of {text.Length} bytes; it holds {KernelCommandLine.MaximumLength}");
    }

    private static ReadOnlySpan<byte> DescribeStream(bool isTerminal) => isTerminal ? "tty"u8 : "pipe"u8;

    /// <summary>
    /// Puts the variables together: the defaults, what packing gave rise to, the user's, of which each replaces an earlier one.
    /// </summary>
    private static List<string> BuildEnvironment(RunRequest request, GuestProgram guest, HostCapabilities host)
    {
        List<string> environment = [DefaultPath, $"HOME={guest.User?.Home ?? "/"}"];
        if (host.TerminalOutput && host.TerminalName is { } terminal)
        {
            environment.Add($"TERM={terminal}");
        }

        foreach (string variable in guest.Environment.Concat(request.Environment))
        {
            string? assignment = variable.Contains('=') ? variable
                : HostEnvironment.Get(variable) is { } value ? $"{variable}={value}" : null;
            if (assignment is null)
            {
                continue;
            }

            string name = assignment[..(assignment.IndexOf('=', StringComparison.Ordinal) + 1)];
            environment.RemoveAll(other => other.StartsWith(name, StringComparison.Ordinal));
            environment.Add(assignment);
        }

        return environment;
    }
}

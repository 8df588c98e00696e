namespace Semitone.Cli.Benchmarks;

/// <summary>A kernel that is measured: ours, Linux, or the image that only prints.</summary>
/// <param name="Name">Column heading.</param>
/// <param name="KernelPath">The image.</param>
/// <param name="DescribeProgram">Gives the kernel command line that starts a program with arguments.</param>
internal sealed record GuestSystem(string Name, string KernelPath, Func<string, string, string> DescribeProgram)
{
    public static GuestSystem Semitone(string kernel) =>
        new("Semitone", kernel, (program, arguments) => $"semitone -- {program} {arguments}".TrimEnd());

    /// <summary>Linux with the program as its init; when that ends, the kernel panics and resets, which ends the machine.</summary>
    public static GuestSystem Linux(string kernel) =>
        new("Linux", kernel, (program, arguments) => $"console=ttyS0 quiet panic=-1 reboot=t rdinit={program} -- {arguments}".TrimEnd());

    public static GuestSystem Empty(string kernel) => new("empty image", kernel, (_, _) => "empty");
}

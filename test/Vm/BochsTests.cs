using System.Diagnostics;

namespace Semitone.Vm;

/// <summary>
/// The same image on another implementation of the CPU: Bochs checks what QEMU's translator lets pass (alignment, debug exceptions,
/// reserved bits). GRUB loads it there, by way of a loader of our own.
/// </summary>
public sealed class BochsTests
{
    private const string Bochs = "/usr/bin/bochs";
    private const string MakeImage = "/usr/bin/grub-mkrescue";
    private const string Bios = "/usr/share/bochs/BIOS-bochs-latest";
    private const string VideoBios = "/usr/share/bochs/VGABIOS-lgpl-latest";
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(8);
    private static readonly Lazy<string> s_loader = new(CompileLoader);

    [Theory]
    [InlineData("corei7_skylake_x")]
    [InlineData("ryzen")]
    public void Boot_AnotherImplementationOfTheCpu_RunsEveryCase(string model) => RunCases(model, "");

    /// <summary>
    /// Firmware may choose x2APIC mode, and may lock it: the registers in memory are gone then (Intel SDM Vol. 3A, 10.12).
    /// </summary>
    [Fact]
    public void Boot_FromX2ApicMode_RunsEveryCase() => RunCases("corei7_skylake_x", "x2apic");

    /// <summary>
    /// Process-context identifiers and the like, which no translator of QEMU's has: a kernel that keeps them on flushes less than it means
    /// to, and cannot leave long mode.
    /// </summary>
    [Fact]
    public void Boot_FromLongModeWithOddControlBits_RunsEveryCase() =>
        RunCases("corei7_skylake_x", "no-initrd odd-control-bits", Linux64BootTests.Loader);

    private static void RunCases(string model, string words, string? kernel = null)
    {
        string console = Run(model, $"checks-alignment=1 {words}", "done, ", kernel);
        CaseReport report = CaseReport.Parse(console);
        Assert.True(report.HasReachedTheEnd && report.Announced == report.Cases.Count && report.Announced > 0, console);
        Assert.All(report.Cases, guestCase => Assert.True(guestCase.Failure is null, $"{guestCase.Name}: {guestCase.Failure}"));
    }

    [Theory]
    [InlineData("corei7_skylake_x", 500_001)]
    [InlineData("ryzen", 800_001)]
    public void Run_StreamsOfHostileInstructions_LeaveTheKernelUntouched(string model, int first)
    {
        string console = Run(model, $"fuzz={first}:20000", "fuzz is clean");
        Assert.Contains("fuzz is clean", console, StringComparison.Ordinal);
    }

    /// <summary>
    /// Boots until a text is on the console, or the emulator ends: without QEMU's devices a machine cannot say that it is done.
    /// </summary>
    /// <returns>What the machine wrote on its serial line.</returns>
    /// <param name="kernel">What is booted instead of the guest's image, which is its initrd then.</param>
    private static string Run(string model, string words, string end, string? kernel = null)
    {
        Assert.SkipUnless(File.Exists(Bochs)
            && File.Exists(Bios)
            && File.Exists(VideoBios), "bochs, bochsbios and vgabios are not installed");
        Assert.SkipUnless(File.Exists(MakeImage)
            && Directory.Exists("/usr/lib/grub/i386-pc"), "grub-mkrescue and grub-pc-bin are not installed");
        Assert.SkipUnless(File.Exists("/usr/bin/xorriso") && File.Exists("/usr/bin/mformat"), "xorriso and mtools are not installed");
        DirectoryInfo directory = Directory.CreateTempSubdirectory("semitone-bochs-");
        try
        {
            string Place(string name) => Path.Combine(directory.FullName, name);
            WriteDisk(Place("disk"), Place("disk.iso"), words, kernel);
            File.WriteAllText(Place("go"), "c\n"); // Debian's is built with a debugger, which waits
            File.WriteAllText(Place("bochsrc"), $"""
                display_library: term
                romimage: file={Bios}
                vgaromimage: file={VideoBios}
                megs: 128
                cpu: model={model}, count=1, ips=100000000, reset_on_triple_fault=0
                ata0: enabled=1
                ata0-master: type=cdrom, path={Place("disk.iso")}, status=inserted
                boot: cdrom
                com1: enabled=1, mode=file, dev={Place("console")}
                sound: driver=dummy
                log: {Place("log")}
                panic: action=fatal
                clock: sync=none

                """);

            // It draws the screen on a terminal: script(1) is one.
            ProcessStartInfo start =
                new("/usr/bin/script", ["-qec", $"exec {Bochs} -q -f {Place("bochsrc")} -rc {Place("go")}", "/dev/null"])
                {
                    RedirectStandardInput = true,
                    RedirectStandardOutput = true,
                    WorkingDirectory = directory.FullName,
                    Environment = { ["TERM"] = "vt100" },
                };
            using Process process = Process.Start(start)!;
            Task<string> screen = process.StandardOutput.ReadToEndAsync();
            string console = "";
            for (Stopwatch watch = Stopwatch.StartNew(); watch.Elapsed < s_limit && !process.HasExited;)
            {
                Thread.Sleep(200);
                console = Read(Place("console"));
                if (console.Contains(end, StringComparison.Ordinal)
                    || console.Contains("panic", StringComparison.Ordinal)
                    || console.Contains("fuzz found", StringComparison.Ordinal))
                {
                    Thread.Sleep(500); // the rest of the line
                    break;
                }
            }

            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }

            process.WaitForExit();
            console = Read(Place("console"));
            Assert.True(
                console.Contains(end, StringComparison.Ordinal),
                $"{console}\n--- Bochs\n{Read(Place("log"))[^Math.Min(2000, Read(Place("log")).Length)..]}");
            return console;
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static string Read(string path)
    {
        if (!File.Exists(path))
        {
            return "";
        }

        using StreamReader reader = new(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return reader.ReadToEnd();
    }

    private static void WriteDisk(string folder, string disk, string words, string? kernel)
    {
        string boot = Path.Combine(folder, "boot");
        Directory.CreateDirectory(Path.Combine(boot, "grub"));
        File.Copy(s_loader.Value, Path.Combine(boot, "loader"));
        File.Copy(kernel ?? Repository.GuestTests, Path.Combine(boot, "kernel"));
        if (kernel is not null)
        {
            File.Copy(Repository.GuestTests, Path.Combine(boot, "initrd"));
        }

        File.WriteAllText(Path.Combine(boot, "grub/grub.cfg"), $$"""
            set timeout=0
            menuentry tests {
                multiboot /boot/loader
                module /boot/kernel tests {{words}}
                {{(kernel is null ? "" : "module /boot/initrd")}}
            }

            """);
        MachineRun run = MachineRun.Run([MakeImage, "-o", disk, folder]);
        Assert.True(run.Status == 0, run.Problems);
    }

    private static string CompileLoader()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/clang") && File.Exists("/usr/bin/ld.lld"), "clang or lld is not installed");
        string loader = Path.Combine(Repository.Root, "out", "multiboot-loader");
        MachineRun run = MachineRun.Run(
        [
            "/usr/bin/clang", "-m32", "-O1", "-ffreestanding", "-fno-pic", "-fno-stack-protector", "-mno-sse", "-nostdlib", "-static",
            "-fuse-ld=lld",
            "-Wl,--image-base=0x5000000,--entry=start,--build-id=none", "-o", loader,
            Path.Combine(Repository.Root, "test/Vm/MultibootLoader.c"),
        ]);
        Assert.True(run.Status == 0, run.Problems);
        return loader;
    }
}

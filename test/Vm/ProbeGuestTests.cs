using System.Globalization;
using Semitone.Cli.Qemu;

namespace Semitone.Vm;

/// <summary>
/// The program by which the command finds out whether KVM can be used: on a CPU that can do all that, it comes to its end.
/// </summary>
public sealed class ProbeGuestTests
{
    /// <summary>It is loaded where it lies for KVM, and the firmware jumps there.</summary>
    [Theory]
    [InlineData("max")]
    [InlineData("max,-xsave")]
    [InlineData("max,-smap,-fsgsbase")]
    [InlineData("qemu64")]
    public void Guest_UnderTcg_ComesToItsEnd(string cpu)
    {
        const int StatusOfTheEnd = (0 << 1) | 1;
        MachineRun run = Boot(cpu, ReadGuest());
        Assert.True(run.Status == StatusOfTheEnd && !run.HasHung, run.Describe());
    }

    /// <summary>That it would notice: without SSE in CR4 the first such instruction is an invalid one, exception 6.</summary>
    [Fact]
    public void Guest_InstructionThatDoesNotWork_TellsTheException()
    {
        byte[] guest = ReadGuest();
        byte[] enable = [0x0D, 0x20, 0x06, 0x00, 0x00]; // or eax, 0x620
        guest[guest.AsSpan().IndexOf(enable) + 2] = 0x04;
        Assert.Equal((6 << 1) | 1, Boot("max", guest).Status);
    }

    private static byte[] ReadGuest()
    {
        using Stream resource = typeof(QemuOptions).Assembly.GetManifestResourceStream("ProbeGuest")!;
        byte[] guest = new byte[resource.Length];
        resource.ReadExactly(guest);
        return guest;
    }

    private static MachineRun Boot(string cpu, byte[] guest)
    {
        DirectoryInfo directory = Directory.CreateTempSubdirectory("semitone-probe-");
        try
        {
            string program = Path.Combine(directory.FullName, "guest");
            File.WriteAllBytes(program, guest);
            const int FirmwareSize = 64 << 10;
            const int ResetVector = FirmwareSize - 16;
            byte[] firmware = new byte[FirmwareSize];
            byte[] jump = [0xEA, 0x00, 0x10, 0x00, 0x00]; // jmp 0:0x1000
            jump.CopyTo(firmware, ResetVector);
            string firmwareFile = Path.Combine(directory.FullName, "firmware");
            File.WriteAllBytes(firmwareFile, firmware);
            const uint FailurePort = 0xE8;
            return MachineRun.Run(
                [
                    "qemu-system-x86_64", "-M",
                    "microvm,x-option-roms=off,pit=off,pic=off,rtc=off,isa-serial=off,acpi=off,auto-kernel-cmdline=off", "-accel", "tcg",
                    "-cpu", cpu,
                    "-m", "16M", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-bios", firmwareFile,
                    "-device", $"loader,file={program},addr=0x1000,force-raw=on",
                    "-device", string.Create(CultureInfo.InvariantCulture, $"isa-debug-exit,iobase={FailurePort},iosize=4"),
                ],
                TimeSpan.FromSeconds(60));
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }
}

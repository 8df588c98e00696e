using Semitone.Cli;
using Semitone.Cli.Kvm;
using Semitone.Cli.Qemu;
using Semitone.Cli.Running;

namespace Semitone.Unit.Cli;

/// <summary>The QEMU command lines that requests come down to, as golden text.</summary>
public sealed class RunPlanTests
{
    private static readonly HostCapabilities s_host = new() { QemuExecutable = "qemu-system-x86_64", KernelPath = "/k/semitone" };
    private static readonly GuestProgram s_guest = new(null, "/r/root.cpio", 3_000_000, ["/bin/prog", "-x", "two words"], []);
    private static readonly RunRequest s_request = new() { Program = "/bin/prog" };

    [Fact]
    public void Build_Default_IsMicrovmWithTcg() => Assert.Equal(
        "qemu-system-x86_64 -M microvm,x-option-roms=off,pit=on,pic=on,rtc=on,isa-serial=on,acpi=off,auto-kernel-cmdline=off -accel tcg "
            + "-cpu max -m 68M "
        + "-nodefaults -no-user-config -display none -no-reboot -chardev stdio,id=console,signal=off -serial chardev:console "
        + "-device isa-debug-exit,iobase=0x501,iosize=2 -kernel /k/semitone -initrd /r/root.cpio -append "
        + "'semitone host.link=1 console.stdin=pipe console.stdout=pipe console.stderr=pipe "
        + "env.vars=[ PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/ ] -- /bin/prog -x '\\''two words'\\'''",
        Print(s_request));

    [Fact]
    public void Build_Q35WithKvmAndAllFlags_SaysThemAll() => Assert.Equal(
        "qemu-system-x86_64 -M q35,usb=off -accel kvm -cpu host -m 512k "
        + "-nodefaults -no-user-config -display none -no-reboot -chardev stdio,id=console,signal=off -serial chardev:console "
        + "-device isa-debug-exit,iobase=0x501,iosize=2 -name a,,b -kernel /k/semitone -initrd /r/root.cpio -append "
        + "'semitone host.link=1 console.stdin=tty console.stdout=tty console.stderr=tty console.rows=50 console.columns=132 strace=1 "
            + "stats=1 "
        + "env.vars=[ HOME=/ TERM=xterm PATH=/bin ] random.aslr=off -- /bin/prog -x '\\''two words'\\'''",
        Print(
            s_request with
            {
                Machine = MachineType.Q35,
                MemoryBytes = 512 << 10,
                Strace = true,
                Statistics = true,
                Name = "a,b",
                Environment = ["PATH=/never", "PATH=/bin"],
                KernelArguments = ["random.aslr=off"],
            },
            s_host with
            {
                Kvm = KvmAnswer.Usable,
                TerminalInput = true,
                TerminalOutput = true,
                TerminalError = true,
                TerminalName = "xterm",
                TerminalRows = 50,
                TerminalColumns = 132
            },
            s_guest with { ArchiveBytes = 1000 }));

    [Fact]
    public void Create_UserFolderAndName_ArePassedAndSetTheHomeFolder()
    {
        GuestProgram guest = s_guest with
        {
            User = new GuestUser(33, 34, [4], "/var/www"),
            WorkingDirectory = "/srv",
            Environment =
        [
            "PWD=/srv"
        ],
            MemoryBytes = 256 << 20
        };
        string command = Print(s_request with { HostName = "box" }, guest: guest);
        Assert.Contains(" program.workdir=/srv program.user=33:34:4 system.hostname=box env.vars=[", command, StringComparison.Ordinal);
        Assert.Contains(" HOME=/var/www PWD=/srv ]", command, StringComparison.Ordinal);
        Assert.Contains(" -m 260M ", command, StringComparison.Ordinal);
    }

    [Fact]
    public void Create_ArgumentsThatAreNoText_ArePassedAsTheyAre()
    {
        string odd = Semitone.Cli.Posix.HostText.FromBytes([(byte)'x', 0xFF, 0xE4]);
        QemuOptions options = RunPlan.Create(s_request with { Environment = ["A=" + odd] }, s_guest with { Command = ["/p", odd] }, s_host);
        byte[] line = Semitone.Cli.Posix.HostText.ToBytes(options.KernelCommandLine);
        Assert.True(line.AsSpan().IndexOf((ReadOnlySpan<byte>)[(byte)'A', (byte)'=', (byte)'x', 0xFF, 0xE4]) > 0);
        Assert.True(line.AsSpan().EndsWith((ReadOnlySpan<byte>)[(byte)'x', 0xFF, 0xE4, (byte)'\'']));
    }

    [Fact]
    public void Create_MemoryThatDoesNotHoldTheRoot_IsRefusedWithBothSizes()
    {
        CommandFailedException failure = Assert.Throws<CommandFailedException>(() => Print(s_request with { MemoryBytes = 2 << 20 }));
        Assert.Equal(ExitStatus.Usage, failure.Status);
        Assert.Contains("2Mi", failure.Message, StringComparison.Ordinal);
        Assert.Contains("3Mi", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Create_MemoryInWhichTheRootWouldLieOverTheKernel_IsRefused()
    {
        HostCapabilities host = s_host with { KernelEnd = 4 << 20 };
        CommandFailedException failure = Assert.Throws<CommandFailedException>(() => Print(s_request with { MemoryBytes = 6 << 20 }, host));
        Assert.Contains("take 7Mi", failure.Message, StringComparison.Ordinal);
        Print(s_request with { MemoryBytes = 7 << 20 }, host);
    }

    [Fact]
    public void Create_ArgumentsLongerThanTheKernelReads_AreRefused()
    {
        CommandFailedException failure =
            Assert.Throws<CommandFailedException>(() => Print(s_request, guest: s_guest with { Command = ["/p", new string('a', 65536)] }));
        Assert.Equal(ExitStatus.Usage, failure.Status);
        Assert.Contains("65535", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Create_StopInsideAVariable_DoesNotTakeTheUsersParametersIn()
    {
        string command = Print(s_request with { Environment = ["A=x -- y"], KernelArguments = ["strace=1"] });
        Assert.Contains("A=x -- y'\\'' ] strace=1 -- /bin/prog", command, StringComparison.Ordinal);
    }

    [Fact]
    public void Create_KvmAskedForWhereItCannotBeUsed_SaysWhyAndWhatToDo()
    {
        HostCapabilities host = s_host with { Kvm = KvmAnswer.No(KvmState.Broken, "the moon is full") };
        CommandFailedException failure =
            Assert.Throws<CommandFailedException>(() => Print(s_request with { Accelerator = Accelerator.Kvm }, host));
        Assert.Equal(ExitStatus.MachineFailed, failure.Status);
        Assert.Contains("the moon is full", failure.Message, StringComparison.Ordinal);
        Assert.Contains("--accel tcg", failure.Message, StringComparison.Ordinal);
        Assert.Contains(" -accel tcg ", Print(s_request, host), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, "host,-arch-capabilities,-avx")]
    [InlineData("EPYC", "EPYC,-arch-capabilities,-avx")]
    [InlineData("host,+avx", "host,+avx,-arch-capabilities")]
    [InlineData("host,avx=on,-arch-capabilities", "host,avx=on,-arch-capabilities")]
    public void Create_KvmThatCannotDoAll_LeavesThatOutUnlessTheUserNamesIt(string? model, string cpu)
    {
        HostCapabilities host = s_host with { Kvm = KvmAnswer.Usable with { Removed = ["arch-capabilities", "avx"] } };
        Assert.Contains($" -accel kvm -cpu {cpu} -m ", Print(s_request with { CpuModel = model }, host), StringComparison.Ordinal);

        // TCG can do without asking.
        Assert.Contains(
            $" -accel tcg -cpu {model ?? "max"} -m ",
            Print(s_request with { CpuModel = model, Accelerator = Accelerator.Tcg }, host),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Build_MonitorAndDevice_AreSaid()
    {
        QemuOptions machine = new()
        {
            Accelerator = Accelerator.Kvm,
            KvmDevice = "/d,k",
            MonitorDescriptor = 4,
            MemoryBytes = 1 << 20,
            KernelPath = "/k",
            KernelCommandLine = "semitone",
        };
        string command = ShellQuoting.Join(QemuCommandLine.Build(machine));
        Assert.Contains(" -accel kvm,device=/d,,k ", command, StringComparison.Ordinal);
        Assert.Contains(" -chardev socket,id=monitor,fd=4 -mon chardev=monitor,mode=control ", command, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(MachineType.MicroVm, " -global virtio-mmio.force-legacy=off", "virtio-serial-device")]
    [InlineData(MachineType.Q35, "", "virtio-serial-pci")]
    public void Build_HostLink_IsAPortAndNoConsole(MachineType type, string bus, string device)
    {
        QemuOptions machine = new()
        {
            Machine = type,
            LinkDescriptor = 4,
            MemoryBytes = 1 << 20,
            KernelPath = "/k",
            KernelCommandLine = "semitone",
        };
        Assert.Contains(
            $"{bus} -chardev socket,id=link,fd=4 -device {device},max_ports=2 -device virtserialport,chardev=link,nr=1,name=semitone.link ",
            ShellQuoting.Join(QemuCommandLine.Build(machine)),
            StringComparison.Ordinal);
        Assert.DoesNotContain(
            "virtio", ShellQuoting.Join(QemuCommandLine.Build(machine with { LinkDescriptor = null })), StringComparison.Ordinal);
    }

    [Fact]
    public void Create_Volumes_AreSharesAndEntriesOfFstab()
    {
        string command = Print(s_request with
        {
            Volumes = [new Volume("/a,b", "/one", IsReadOnly: false), new Volume("/c", "/two", IsReadOnly: true)]
        });
        Assert.Contains(
            " -fsdev local,id=fs0,path=/a,,b,security_model=none,multidevs=remap -device virtio-9p-device,fsdev=fs0,mount_tag=fs0 "
            + "-fsdev local,id=fs1,path=/c,security_model=none,multidevs=remap,readonly=on "
            + "-device virtio-9p-device,fsdev=fs1,mount_tag=fs1 ",
            command,
            StringComparison.Ordinal);
        Assert.Contains("""vfs.fstab=[ fs0:/one:9pfs:::mkmp fs1:/two:9pfs:1::mkmp ]""", command, StringComparison.Ordinal);
    }

    [Fact]
    public void Create_ArgumentsThatLookLikeTheStop_StayTheProgramsOwn()
    {
        string command = Print(s_request with { KernelArguments = ["x.y=1"] }, guest: s_guest with { Command = ["/p", "--", "a -- b"] });
        Assert.Contains(" ] x.y=1 -- /p ", command, StringComparison.Ordinal);
    }

    private static string Print(RunRequest request, HostCapabilities? host = null, GuestProgram? guest = null) =>
        ShellQuoting.Join(QemuCommandLine.Build(RunPlan.Create(request, guest ?? s_guest, host ?? s_host)));
}

using System.Buffers.Binary;
using System.Globalization;
using Semitone.Cli.Qemu;

namespace Semitone.Vm;

/// <summary>The 64-bit Linux boot protocol, spoken by a loader of our own; it can put an initrd where QEMU never would.</summary>
public sealed class Linux64BootTests
{
    /// <summary>Where the loader looks for the initrd's address and size.</summary>
    private const ulong Place = 0x200_0000;

    /// <summary>Stands for the first byte behind the kernel's image.</summary>
    private const uint BehindImage = 0;

    private static readonly Lazy<string> s_loader = new(CompileLoader);

    /// <summary>The loader's image.</summary>
    internal static string Loader => s_loader.Value;

    [Theory]
    [InlineData(MachineType.MicroVm, 256, 0x210_0123, 70_001)] // neither end on a page's border
    [InlineData(MachineType.Q35, 256, 0x210_0123, 70_001)]
    [InlineData(MachineType.MicroVm, 256, 0x3_0001, 4094)] // below 640 KiB, within one page
    [InlineData(MachineType.MicroVm, 256, BehindImage, 0xF001)]
    [InlineData(MachineType.MicroVm, 2048, 0x6000_0FFF, 3_000_002)] // beyond what the boot code maps
    public void Boot_InitialRamDiskAnywhere_RunsEveryCase(MachineType machine, int memoryMebibytes, uint address, int size) =>
        Boot(machine, memoryMebibytes, address, size, "");

    /// <summary>A loader may be in 57-bit mode, which no table of ours is made for (Intel SDM Vol. 3A, 4.1.1).</summary>
    [Fact]
    public void Boot_FromFiveLevelsOfPageTables_RunsEveryCase() => Boot(MachineType.MicroVm, 256, 0x210_0123, 70_001, "five-levels");

    /// <summary>
    /// Entries of the memory map overlap, contradict each other, run past the last address, and are more than fit the zero page and the
    /// kernel's list.
    /// </summary>
    [Fact]
    public void Boot_MemoryMapThatIsAMess_RunsEveryCase()
    {
        string console = Boot(MachineType.MicroVm, 256, 0x210_0123, 70_001, "hostile-map");
        Assert.Contains("the memory map is in too many pieces", console, StringComparison.Ordinal);
    }

    /// <summary>Bits of CR4 that no kernel expects, and lines of the I/O APIC that nobody has asked for.</summary>
    [Theory]
    [InlineData(MachineType.MicroVm)]
    [InlineData(MachineType.Q35)]
    public void Boot_FromALoaderThatLeavesThingsOn_RunsEveryCase(MachineType machine) =>
        Boot(machine, 256, 0x210_0123, 70_001, "odd-control-bits open-pins");

    /// <returns>What the machine wrote on its console.</returns>
    private static string Boot(MachineType machine, int memoryMebibytes, uint address, int size, string option)
    {
        DirectoryInfo directory = Directory.CreateTempSubdirectory("semitone-boot-");
        try
        {
            address = address == BehindImage ? FindEndOfImage() : address;
            byte[] content = new byte[size];
            new Random(size).NextBytes(content);
            string initrd = Path.Combine(directory.FullName, "initrd");
            File.WriteAllBytes(initrd, content);
            byte[] words = new byte[16];
            BinaryPrimitives.WriteUInt64LittleEndian(words, address);
            BinaryPrimitives.WriteInt64LittleEndian(words.AsSpan(8), size);
            string place = Path.Combine(directory.FullName, "place");
            File.WriteAllBytes(place, words);

            QemuOptions options = new()
            {
                Machine = machine,
                MemoryBytes = (long)memoryMebibytes << 20,
                KernelPath = s_loader.Value,
                InitialRamDiskPath = Repository.GuestTests,
                KernelCommandLine = $"tests initrd={size}:{MachineRun.Sum(content)} {option}",
            };
            MachineRun run = MachineRun.Run(
            [
                .. QemuCommandLine.Build(options),
                "-device", Load(initrd, address),
                "-device", Load(place, Place),
            ]);
            string? fault = CaseReport.FindFault(run);
            Assert.True(fault is null, $"{fault}: {run.Describe()}");
            Assert.All(
                CaseReport.Parse(run.Console).Cases,
                guestCase => Assert.True(guestCase.Failure is null, $"{guestCase.Name}: {guestCase.Failure}"));
            return run.Console;
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    /// <summary>The highest physical address of a segment (ELF-64, "Program header").</summary>
    private static uint FindEndOfImage()
    {
        const int HeaderSize = 56;
        ReadOnlySpan<byte> image = File.ReadAllBytes(Repository.GuestTests);
        int headers = (int)BinaryPrimitives.ReadUInt64LittleEndian(image[32..]);
        ulong end = 0;
        for (int i = 0; i < BinaryPrimitives.ReadUInt16LittleEndian(image[56..]); i++)
        {
            ReadOnlySpan<byte> header = image.Slice(headers + i * HeaderSize, HeaderSize);
            end = Math.Max(
                end, BinaryPrimitives.ReadUInt64LittleEndian(header[24..]) + BinaryPrimitives.ReadUInt64LittleEndian(header[40..]));
        }

        return (uint)end;
    }

    private static string Load(string file, ulong address) =>
        string.Create(CultureInfo.InvariantCulture, $"loader,file={file},addr={address},force-raw=on");

    private static string CompileLoader()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/clang") && File.Exists("/usr/bin/ld.lld"), "clang or lld is not installed");
        string loader = Path.Combine(Repository.Root, "out", "linux64-loader");
        MachineRun run = MachineRun.Run(
        [
            "/usr/bin/clang", "-m32", "-O1", "-ffreestanding", "-fno-pic", "-fno-stack-protector", "-mno-sse", "-nostdlib", "-static",
            "-fuse-ld=lld",
            "-Wl,--image-base=0x4000000,--entry=0,--build-id=none", "-o", loader, Path.Combine(Repository.Root, "test/Vm/Linux64Loader.c"),
        ]);
        Assert.True(run.Status == 0, run.Problems);
        return loader;
    }
}

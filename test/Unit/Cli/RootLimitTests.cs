using Semitone.Cli;
using Semitone.Cli.Packing;
using Semitone.Cli.Qemu;
using Semitone.Cli.Running;

namespace Semitone.Unit.Cli;

/// <summary>What is too large for a machine is found out before it is packed.</summary>
public sealed class RootLimitTests : IDisposable
{
    private const long KernelEnd = 4L << 20;

    private static readonly RunRequest s_request = new() { Program = "/bin/prog" };

    private readonly TemporaryTree _tree = new();

    public void Dispose() => _tree.Dispose();

    [Theory]
    [InlineData(MachineType.MicroVm, 1L << 30, 1L << 29)]
    [InlineData(MachineType.MicroVm, 1L << 40, (3L << 30) - KernelEnd)]
    [InlineData(MachineType.Q35, 1L << 40, (2L << 30) - KernelEnd)]
    [InlineData(MachineType.MicroVm, long.MaxValue, (3L << 30) - KernelEnd)]
    public void Find_HostAndBoard_TakesTheTighter(MachineType machine, long available, long expected) =>
        Assert.Equal(expected, RootLimit.Find(s_request with { Machine = machine }, KernelEnd, available).Bytes);

    [Theory]
    [InlineData(64L << 20, 60L << 20)]
    [InlineData(1L << 20, 0)]
    [InlineData(1L << 40, 100L << 20)]
    public void Within_MemoryOfTheMachine_LeavesWhatTheKernelDoesNotTake(long memory, long expected) =>
        Assert.Equal(
            expected, new RootLimit(100L << 20, "a test").Within(s_request with { MemoryBytes = memory }, KernelEnd).Bytes);

    [Fact]
    public void Check_FolderOfManyGibibytes_IsRefusedWithSumAndLimitAndTheLargest()
    {
        _tree.Add("/tree/small/a", new byte[1000]).Add("/tree/large/b", "");
        using (FileStream file = File.OpenWrite(_tree["/tree/large/b"]))
        {
            // A hole: nobody reads it, as nothing is packed.
            file.SetLength(40L << 30);
        }

        string message = Assert.Throws<CommandFailedException>(
            () => TreeSize.Check(_tree["/tree"], "--rootfs", new RootLimit(3L << 30, "a test says so"), null)).Message;
        string sum = $"--rootfs {_tree["/tree"]}: 4 files take 40.0 GiB, and 3.0 GiB fit: a test says so\n";
        string largest = $"the largest in it: {_tree["/tree/large"]} 40.0 GiB, {_tree["/tree/small"]} 2 KiB\n";
        Assert.StartsWith(sum + largest, message, StringComparison.Ordinal);
    }

    /// <summary>Two names of one file are one file in an archive too.</summary>
    [Fact]
    public void Check_HardLinks_CountOnce()
    {
        _tree.Add("/tree/a", new byte[60_000]);
        using (System.Diagnostics.Process process = System.Diagnostics.Process.Start("/bin/ln", [_tree["/tree/a"], _tree["/tree/b"]]))
        {
            process.WaitForExit();
        }

        TreeSize.Check(_tree["/tree"], "--rootfs", new RootLimit(70_000, "a test"), null);
        Assert.Throws<CommandFailedException>(() => TreeSize.Check(_tree["/tree"], "--rootfs", new RootLimit(59_000, "a test"), null));
    }

    [Fact]
    public void Check_FolderThatIsNotThere_IsLeftToThePacking() =>
        TreeSize.Check(_tree["/none"], "--rootfs", new RootLimit(0, "a test"), null);
}

using System.Buffers.Binary;
using Semitone.Abi;
using Semitone.Elf;
using Semitone.Loader;
using Semitone.Machine;
using Semitone.Memory;
using Semitone.Unit.Elf;

namespace Semitone.Unit.Loader;

public class VdsoTests
{
    private const ulong AtSysinfoEhdr = 33;

    [Theory]
    [InlineData(3_000_000_000UL, 32)]
    [InlineData(1_000_000_000UL, 24)]
    [InlineData(2_893_202_000UL, 32)]
    [InlineData(62_500_000UL, 24)]
    [InlineData(1_000_000_001UL, 31)]
    public void TryNormalize_GivesTheSameNanoseconds(ulong frequency, int shift)
    {
        uint multiplier = checked((uint)(((UInt128)1_000_000_000 << shift) / frequency));

        Assert.True(Vdso.TryNormalize(new TscScale(0, multiplier, shift), out ulong high, out int preShift));

        foreach (ulong ticks in (ulong[])[0, 1, 12345, 1UL << 32, (1UL << 55) - 1, 0x00AB_CDEF_0123_4567])
        {
            ulong expected = (ulong)(((UInt128)ticks * multiplier) >> shift);
            Assert.Equal(expected, Math.BigMul(ticks << preShift, high, out _));
        }
    }

    [Fact]
    public void TryNormalize_NonsenseScale_IsRefused()
    {
        Assert.False(Vdso.TryNormalize(new TscScale(0, 0, 32), out _, out _));
        Assert.False(Vdso.TryNormalize(new TscScale(0, uint.MaxValue, 0), out _, out _));
        Assert.False(Vdso.TryNormalize(new TscScale(0, 1, 65), out _, out _));
    }

    [Fact]
    public void Map_GivesASharedObjectBehindItsData()
    {
        var fixture = new LoaderFixture();
        fixture.Machine.Clock.TscScale = new TscScale(1000, 0x5555_5555, 32);
        LoadedProgram program = Load(fixture);
        ulong address = LoaderFixture.ReadStack(program).Auxiliary[AtSysinfoEhdr];

        byte[] image = LoaderFixture.ReadBytes(program, address, Paging.PageSize);
        var source = new MemoryElfSource(image);
        Assert.Equal(Errno.None, ElfFile.Read(source, out ElfFile? file, out _));
        Assert.Equal(Errno.None, ElfDynamic.Read(source, file!, out ElfDynamic? dynamic));
        Assert.Equal("linux-vdso.so.1"u8.ToArray(), dynamic!.SoName);
        Assert.Empty(dynamic.Needed);
        foreach (string name in (string[])[
            "__vdso_clock_gettime", "__vdso_gettimeofday", "__vdso_time", "__vdso_getcpu", "__vdso_clock_getres", "LINUX_2.6"
        ])
        {
            Assert.True(image.AsSpan().IndexOf(System.Text.Encoding.UTF8.GetBytes(name + "\0")) > 0, name);
        }

        byte[] data = LoaderFixture.ReadBytes(program, address - Paging.PageSize, 40);
        Assert.Equal(7u, BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan(4)));
        Assert.Equal(1000UL, BinaryPrimitives.ReadUInt64LittleEndian(data.AsSpan(8)));
        Assert.Equal(0x5555_5555UL << 32, BinaryPrimitives.ReadUInt64LittleEndian(data.AsSpan(16)));
        Assert.Equal(fixture.Machine.Clock.BootRealtimeNs, BinaryPrimitives.ReadInt64LittleEndian(data.AsSpan(24)));
        Assert.Equal(0, program.Space.Memory.CopyOut(address - Paging.PageSize, [1]));
    }

    [Fact]
    public void Map_CounterNotReliable_LeavesTheClockToTheKernel()
    {
        var fixture = new LoaderFixture();
        LoadedProgram program = Load(fixture);
        ulong address = LoaderFixture.ReadStack(program).Auxiliary[AtSysinfoEhdr];

        Assert.Equal(2u, BinaryPrimitives.ReadUInt32LittleEndian(LoaderFixture.ReadBytes(program, address - Paging.PageSize, 8).AsSpan(4)));
    }

    [Fact]
    public void SetRealtimeOffset_ShowsInEveryProgram()
    {
        var fixture = new LoaderFixture();
        LoadedProgram first = Load(fixture);
        fixture.Vdso.SetRealtimeOffset(123_456_789_000);
        LoadedProgram second = Load(fixture);

        foreach (LoadedProgram program in (LoadedProgram[])[first, second])
        {
            ulong address = LoaderFixture.ReadStack(program).Auxiliary[AtSysinfoEhdr];
            byte[] data = LoaderFixture.ReadBytes(program, address - Paging.PageSize, 40);
            Assert.Equal(123_456_789_000, BinaryPrimitives.ReadInt64LittleEndian(data.AsSpan(24)));
            Assert.Equal(2u, BinaryPrimitives.ReadUInt32LittleEndian(data));
        }
    }

    [Fact]
    public void SetRealtimeOffset_TimeIsAwaited_LeavesTheTimeOfDayToTheKernel()
    {
        var fixture = new LoaderFixture();
        fixture.Machine.Clock.TscScale = new TscScale(1000, 0x5555_5555, 32);
        fixture.Vdso.SetRealtimeOffset(1, isAwaited: true);
        LoadedProgram program = Load(fixture);
        ulong flagsAt = LoaderFixture.ReadStack(program).Auxiliary[AtSysinfoEhdr] - Paging.PageSize + 4;
        Assert.Equal(3u, BinaryPrimitives.ReadUInt32LittleEndian(LoaderFixture.ReadBytes(program, flagsAt, 4)));
        fixture.Vdso.SetRealtimeOffset(2);
        Assert.Equal(7u, BinaryPrimitives.ReadUInt32LittleEndian(LoaderFixture.ReadBytes(program, flagsAt, 4)));
    }

    [Fact]
    public void UpdateScale_ShowsInEveryProgram()
    {
        var fixture = new LoaderFixture();
        fixture.Machine.Clock.TscScale = new TscScale(1000, 0x5555_5555, 32);
        LoadedProgram program = Load(fixture);
        fixture.Machine.Clock.TscScale = new TscScale(2000, 0x6666_6666, 32);
        fixture.Vdso.UpdateScale();

        ulong address = LoaderFixture.ReadStack(program).Auxiliary[AtSysinfoEhdr];
        byte[] data = LoaderFixture.ReadBytes(program, address - Paging.PageSize, 40);
        Assert.Equal(2u, BinaryPrimitives.ReadUInt32LittleEndian(data));
        Assert.Equal(2000UL, BinaryPrimitives.ReadUInt64LittleEndian(data.AsSpan(8)));
        Assert.Equal(0x6666_6666UL << 32, BinaryPrimitives.ReadUInt64LittleEndian(data.AsSpan(16)));
        Assert.Equal(fixture.Machine.Clock.BootRealtimeNs, BinaryPrimitives.ReadInt64LittleEndian(data.AsSpan(24)));
    }

    private static LoadedProgram Load(LoaderFixture fixture)
    {
        fixture.Add("/prog", TestElf.CreateStatic().ToArray());
        return fixture.Load("/prog");
    }
}

using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Semitone.Abi;
using Semitone.Loader;
using Semitone.Machine;

namespace Semitone.Unit.Loader;

/// <summary>Calls the functions of the vDSO on the host: data page and image as a program has them, mapped side by side.</summary>
public sealed class VdsoNativeTests : IDisposable
{
    private const ulong AtSysinfoEhdr = 33;
    private const int ReadWrite = 3;
    private const int ReadExecute = 5;
    private const int PrivateAnonymous = 0x22;
    private const int Realtime = 0;
    private const int Monotonic = 1;
    private const int MonotonicCoarse = 6;
    private const int ProcessCpuTime = 2;
    private const long NsPerSecond = 1_000_000_000;
    private const long RealtimeOffsetNs = 1_700_000_000_123_456_789;

    private readonly nint _pages;
    private readonly byte[] _image;

    public VdsoNativeTests()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux()
            && RuntimeInformation.ProcessArchitecture == Architecture.X64, "The vDSO is x86-64 code that makes Linux system calls.");
        _pages = mmap(0, 2 * Paging.PageSize, ReadWrite, PrivateAnonymous, -1, 0);
        Assert.NotEqual(-1, _pages);
        _image = VdsoImage.Bytes.ToArray();
        Assert.InRange(_image.Length, 1, Paging.PageSize);
    }

    private delegate int ClockFunction(int clock, long[]? time);

    private delegate int TimeOfDayFunction(long[]? time, int[]? zone);

    private delegate long TimeFunction(long[]? time);

    private delegate int CpuFunction(uint[]? cpu, uint[]? node, nint unused);

    [Theory]
    [InlineData(Monotonic)]
    [InlineData(MonotonicCoarse)]
    [InlineData(4)]
    [InlineData(7)]
    public void ClockGettime_Monotonic_ScalesTheCounter(int clock)
    {
        // A scale of one nanosecond per tick shows the counter itself; one of a half, half of it.
        Prepare(new TscScale(0, 1u << 31, 31));
        var function = Find<ClockFunction>("__vdso_clock_gettime");
        long first = Read(function, clock);
        long second = Read(function, clock);
        Prepare(new TscScale(0, 1u << 31, 32));
        long half = Read(function, clock);
        Prepare(new TscScale((ulong)half, 1u << 31, 31));
        long fromBase = Read(function, clock);

        Assert.InRange(second, first, long.MaxValue);
        Assert.InRange(half, second / 2, second);
        Assert.InRange(fromBase, half - (half / 100), half + (half / 100) + NsPerSecond * 10);
    }

    [Fact]
    public void Realtime_IsMonotonicWithItsOffset()
    {
        Prepare(new TscScale(0, 1u << 31, 63));
        var function = Find<ClockFunction>("clock_gettime");
        long before = Read(function, Monotonic);
        long realtime = Read(function, Realtime);
        long after = Read(function, Monotonic);

        Assert.InRange(realtime - RealtimeOffsetNs, before, after);
        long[] time = new long[2];
        Assert.Equal(0, Find<TimeOfDayFunction>("__vdso_gettimeofday")(time, null));
        Assert.InRange(((time[0] * 1_000_000) + time[1]) * 1000, realtime - 1000, realtime + NsPerSecond);
        Assert.InRange(time[1], 0, 999_999);
        Assert.InRange(Find<TimeFunction>("__vdso_time")(time) * NsPerSecond, realtime - NsPerSecond, realtime + NsPerSecond);
        Assert.InRange(time[0] * NsPerSecond, realtime - NsPerSecond, realtime + NsPerSecond);
    }

    [Fact]
    public void CounterNotReliable_AsksTheKernel()
    {
        Prepare(null);
        long now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        long[] time = new long[2];

        Assert.InRange(Read(Find<ClockFunction>("__vdso_clock_gettime"), Realtime) / NsPerSecond, now - 5, now + 5);
        Assert.Equal(0, Find<TimeOfDayFunction>("gettimeofday")(time, null));
        Assert.InRange(time[0], now - 5, now + 5);
        Assert.InRange(Find<TimeFunction>("time")(null), now - 5, now + 5);
    }

    [Theory]
    [InlineData(ProcessCpuTime, 0)]
    [InlineData(63, -(int)Errno.EINVAL)]
    [InlineData(31, -(int)Errno.EINVAL)]
    public void ClockGettime_OtherClock_AsksTheKernel(int clock, int expected)
    {
        Prepare(new TscScale(0, 1u << 31, 31));

        Assert.Equal(expected, Find<ClockFunction>("__vdso_clock_gettime")(clock, new long[2]));
        Assert.Equal(expected, Find<ClockFunction>("__vdso_clock_getres")(clock, new long[2]));
    }

    [Fact]
    public void ClockGetres_IsOneNanosecond()
    {
        Prepare(new TscScale(0, 1u << 31, 31));
        long[] resolution = [7, 7];

        Assert.Equal(0, Find<ClockFunction>("clock_getres")(Monotonic, resolution));
        Assert.Equal([0L, 1L], resolution);
        Assert.Equal(0, Find<ClockFunction>("__vdso_clock_getres")(Realtime, null));
    }

    [Fact]
    public void GetCpu_OneCpu_IsTheFirst()
    {
        Prepare(null);
        uint[] cpu = [7];
        uint[] node = [7];

        Assert.Equal(0, Find<CpuFunction>("__vdso_getcpu")(cpu, node, 0));
        Assert.Equal((0u, 0u), (cpu[0], node[0]));
        Assert.Equal(0, Find<CpuFunction>("getcpu")(null, null, 0));
    }

    public void Dispose()
    {
        if (_pages != 0)
        {
            _ = munmap(_pages, 2 * Paging.PageSize);
        }
    }

    private static long Read(ClockFunction function, int clock)
    {
        long[] time = new long[2];
        Assert.Equal(0, function(clock, time));
        Assert.InRange(time[1], 0, NsPerSecond - 1);
        return (time[0] * NsPerSecond) + time[1];
    }

    /// <summary>Copies the pages that the kernel would give a program.</summary>
    private void Prepare(TscScale? scale)
    {
        var fixture = new LoaderFixture();
        fixture.Machine.Clock.TscScale = scale;
        fixture.Machine.Clock.BootRealtimeNs = RealtimeOffsetNs;
        var vdso = new Vdso(fixture.Machine, fixture.Frames, 1);
        fixture.Add("/prog", Elf.TestElf.CreateStatic().ToArray());
        var loader = new ProgramLoader(fixture.Machine, fixture.Frames, vdso);
        Assert.Equal(Errno.None, loader.Load(LoaderFixture.CreateRequest("/prog", [], []), fixture, out LoadedProgram? program, out _));
        ulong address = LoaderFixture.ReadStack(program!).Auxiliary[AtSysinfoEhdr];
        byte[] pages = LoaderFixture.ReadBytes(program!, address - Paging.PageSize, 2 * Paging.PageSize);
        Assert.Equal(0, mprotect(_pages, 2 * Paging.PageSize, ReadWrite));
        Marshal.Copy(pages, 0, _pages, pages.Length);
        Assert.Equal(0, mprotect(_pages, 2 * Paging.PageSize, ReadExecute));
    }

    /// <summary>
    /// Looks a function up in the dynamic symbol table, by the sections' well-known order: names and symbols through DT_STRTAB, DT_SYMTAB
    /// and DT_HASH.
    /// </summary>
    private T Find<T>(string name)
        where T : Delegate
    {
        int dynamic = FindDynamic();
        int strings = (int)ReadTag(dynamic, 5);
        int symbols = (int)ReadTag(dynamic, 6);
        int hash = (int)ReadTag(dynamic, 4);
        int count = BinaryPrimitives.ReadInt32LittleEndian(_image.AsSpan(hash + 4));
        byte[] wanted = [.. Encoding.ASCII.GetBytes(name), 0];
        for (int index = 0; index < count; index++)
        {
            ReadOnlySpan<byte> symbol = _image.AsSpan(symbols + (index * 24), 24);
            if (_image.AsSpan(strings + BinaryPrimitives.ReadInt32LittleEndian(symbol)).StartsWith(wanted))
            {
                nint address = _pages + Paging.PageSize + (nint)BinaryPrimitives.ReadInt64LittleEndian(symbol[8..]);
                return Marshal.GetDelegateForFunctionPointer<T>(address);
            }
        }

        throw new InvalidOperationException(name + " is missing.");
    }

    private int FindDynamic()
    {
        Assert.Equal(
            Errno.None, Semitone.Elf.ElfFile.Read(new Semitone.Elf.MemoryElfSource(_image), out Semitone.Elf.ElfFile? file, out _));
        Assert.True(file!.TryFind(Semitone.Elf.ElfSegmentType.Dynamic, out Semitone.Elf.ElfSegment segment));
        return (int)segment.Offset;
    }

    private ulong ReadTag(int dynamic, ulong tag)
    {
        for (int at = dynamic; ; at += 16)
        {
            ulong found = BinaryPrimitives.ReadUInt64LittleEndian(_image.AsSpan(at));
            Assert.NotEqual(0UL, found);
            if (found == tag)
            {
                return BinaryPrimitives.ReadUInt64LittleEndian(_image.AsSpan(at + 8));
            }
        }
    }

#pragma warning disable SYSLIB1054, CA5392 // LibraryImport generates unsafe code, which tests do not have either.
    [DllImport("libc", SetLastError = true)]
    private static extern nint mmap(nint address, nint length, int protection, int flags, int file, nint offset);

    [DllImport("libc", SetLastError = true)]
    private static extern int mprotect(nint address, nint length, int protection);

    [DllImport("libc", SetLastError = true)]
    private static extern int munmap(nint address, nint length);
#pragma warning restore SYSLIB1054, CA5392
}

using System.Buffers.Binary;
using System.Numerics;
using Semitone.Abi;
using Semitone.Machine;
using Semitone.Memory;

namespace Semitone.Loader;

/// <summary>
/// The shared object that the kernel maps into every program, so that it can read the clock without a system call (vdso(7)).
/// </summary>
/// <remarks>
/// <para>Two neighbours in every address space: a page of data that the kernel may write and programs may read, and behind it the image of
/// vdso/vdso.c, which finds the page by that distance. Both are made when the first program is loaded.</para>
/// <para>The data page: see <c>struct vdso_data</c> in vdso/vdso.c. A sequence number that is odd while the kernel writes makes readers try
/// again.</para>
/// </remarks>
public sealed class Vdso
{
    private const int SequenceOffset = 0;
    private const int FlagsOffset = 4;
    private const int TscBaseOffset = 8;
    private const int MultiplierOffset = 16;
    private const int RealtimeOffset = 24;
    private const int PreShiftOffset = 32;
    private const int DataSize = 40;

    private const uint ClockUsable = 1;
    private const uint SingleCpu = 2;
    private const uint RealtimeUsable = 4;

    private readonly IMachine _machine;
    private readonly FramePool _frames;
    private readonly int _cpuCount;
    private long _realtimeOffsetNs;
    private bool _isRealtimeAwaited;
    private PageCache? _data;
    private PageCache? _image;

    /// <param name="machine">Whose clock it reads.</param>
    /// <param name="frames">Where its pages come from.</param>
    /// <param name="cpuCount">Processors that run guests; with one, getcpu(2) needs no system call.</param>
    public Vdso(IMachine machine, FramePool frames, int cpuCount)
    {
        _machine = machine;
        _frames = frames;
        _cpuCount = cpuCount;
        _realtimeOffsetNs = machine.Clock.BootRealtimeNs;
    }

    /// <summary>Tells all programs that the time of day has been set.</summary>
    /// <param name="offsetNs">Nanoseconds to add to the monotonic clock (Timekeeper.RealtimeOffsetNs).</param>
    /// <param name="isAwaited">Whether programs had better ask the kernel, because the time of day is not known yet.</param>
    public void SetRealtimeOffset(long offsetNs, bool isAwaited = false)
    {
        _isRealtimeAwaited = isAwaited;
        _realtimeOffsetNs = offsetNs;
        Refill();
    }

    /// <summary>Tells all programs that the monotonic clock goes on at another rate.</summary>
    public void UpdateScale() => Refill();

    /// <summary>Maps data and image into an address space.</summary>
    /// <param name="space">Where to.</param>
    /// <param name="address">Where the image begins (AT_SYSINFO_EHDR).</param>
    internal Errno Map(AddressSpace space, out ulong address)
    {
        address = 0;
        Errno error = Create();
        if (error != Errno.None)
        {
            return error;
        }

        // The data's mapping holds the place for the image, which then takes it.
        ulong imageSize = Paging.RoundUp((ulong)VdsoImage.Bytes.Length);
        var data = new MapRequest { Length = Paging.PageSize + imageSize, Access = PageAccess.Read, Object = _data };
        error = space.Map(in data, out ulong dataAddress);
        if (error != Errno.None)
        {
            return error;
        }

        address = dataAddress + Paging.PageSize;
        var image = new MapRequest
        {
            Address = address,
            Length = imageSize,
            Access = PageAccess.Read | PageAccess.Execute,
            Options = MapOptions.Fixed,
            Object = _image,
        };
        return space.Map(in image, out _);
    }

    private Errno Create()
    {
        if (_image is not null)
        {
            return Errno.None;
        }

        byte[] data = new byte[DataSize];
        FillData(data);
        Errno error = CreatePages(data, "[vvar]", out PageCache? dataPages);
        if (error != Errno.None)
        {
            return error;
        }

        error = CreatePages(VdsoImage.Bytes.ToArray(), "[vdso]", out PageCache? imagePages);
        if (error != Errno.None)
        {
            dataPages!.Release();
            return error;
        }

        _data = dataPages;
        _image = imagePages;
        return Errno.None;
    }

    private Errno CreatePages(byte[] bytes, string name, out PageCache? pages)
    {
        pages = new PageCache(_frames) { File = new NamedPages(name) };
        IoCursor source = IoCursor.OverKernel(bytes);
        if (pages.Write(0, ref source).Bytes == bytes.Length)
        {
            return Errno.None;
        }

        pages.Release();
        pages = null;
        return Errno.ENOMEM;
    }

    /// <summary>Writes the data anew. Readers see that by the sequence number, and read once more.</summary>
    private void Refill()
    {
        if (_data is null || _data.GetPage(0, out Frame frame) != Errno.None)
        {
            return;
        }

        Span<byte> data = stackalloc byte[DataSize];
        _frames.Read(frame, 0, data);
        uint sequence = BinaryPrimitives.ReadUInt32LittleEndian(data);
        WriteSequence(frame, sequence + 1);
        FillData(data);
        _frames.Write(frame, FlagsOffset, data[FlagsOffset..]);
        WriteSequence(frame, sequence + 2);
    }

    private void WriteSequence(Frame frame, uint value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        Interlocked.MemoryBarrier();
        _frames.Write(frame, SequenceOffset, bytes);
        Interlocked.MemoryBarrier();
    }

    private void FillData(Span<byte> data)
    {
        uint flags = _cpuCount == 1 ? SingleCpu : 0;
        if (_machine.Clock.TscScale is { } scale && TryNormalize(scale, out ulong multiplier, out int preShift))
        {
            flags |= _isRealtimeAwaited ? ClockUsable : ClockUsable | RealtimeUsable;
            BinaryPrimitives.WriteUInt64LittleEndian(data[TscBaseOffset..], scale.TscBase);
            BinaryPrimitives.WriteUInt64LittleEndian(data[MultiplierOffset..], multiplier);
            BinaryPrimitives.WriteInt32LittleEndian(data[PreShiftOffset..], preShift);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(data[FlagsOffset..], flags);
        BinaryPrimitives.WriteInt64LittleEndian(data[RealtimeOffset..], _realtimeOffsetNs);
    }

    /// <summary>
    /// Turns <c>(ticks * m) >> s</c> into the high half of <c>(ticks &lt;&lt; p) * M</c>, which is one multiplication and loses no bit.
    /// </summary>
    /// <returns>False when the counter is so slow or the scale so odd that ticks would overflow within years.</returns>
    internal static bool TryNormalize(TscScale scale, out ulong multiplier, out int preShift)
    {
        const int maxPreShift = 8;
        multiplier = 0;
        preShift = 0;
        if (scale.Multiplier == 0 || scale.Shift is < 0 or > 64)
        {
            return false;
        }

        // M = m << (64 - s - p) has to fit into 64 bits.
        int room = BitOperations.LeadingZeroCount((ulong)scale.Multiplier);
        int shift = 64 - scale.Shift;
        preShift = Math.Max(0, shift - room);
        if (preShift > maxPreShift)
        {
            return false;
        }

        multiplier = (ulong)scale.Multiplier << (shift - preShift);
        return true;
    }

    /// <summary>What /proc/PID/maps calls the pages.</summary>
    private sealed class NamedPages(string name) : IMappedFile
    {
        public string Path => name;

        public ulong InodeNumber => 0;
    }
}

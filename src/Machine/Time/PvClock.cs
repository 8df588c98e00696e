using System.Runtime.InteropServices;

namespace Semitone.Machine;

/// <summary>
/// The page by which KVM tells a guest the time: struct pvclock_vcpu_time_info (Linux, Documentation/virt/kvm/x86/msr.rst,
/// MSR_KVM_SYSTEM_TIME_NEW).
/// </summary>
/// <remarks>The hypervisor makes the version odd, writes, and makes it even again. It may write at any time.</remarks>
[StructLayout(LayoutKind.Sequential)]
public struct PvClockPage
{
    public uint Version;
    public uint Padding;
    public ulong TscTimestamp;
    public ulong SystemTime;
    public uint TscToSystemMultiplier;
    public sbyte TscShift;
    public byte Flags;
    public ushort Padding2;
}

/// <summary>What KVM says the time of day was when its system time was 0: struct pvclock_wall_clock.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct PvWallClock
{
    public uint Version;
    public uint Seconds;
    public uint Nanoseconds;
}

/// <summary>
/// A consistent copy of a <see cref="PvClockPage"/>: system time is <paramref name="SystemTimeNs"/> at a reading of the counter, and goes
/// on from there.
/// </summary>
/// <param name="Multiplier">Nanoseconds for 2^32 ticks that were shifted.</param>
/// <param name="Shift">To the left, or to the right when it is negative.</param>
/// <param name="IsStable">The page never changes, and the counter may be read on every CPU without it.</param>
[method: NonAllocating]
public readonly record struct PvClock(ulong TscTimestamp, ulong SystemTimeNs, uint Multiplier, int Shift, bool IsStable)
{
    /// <summary>No hypervisor writes for as long as it takes to try this often.</summary>
    private const int MaxAttempts = 10_000;

    private const byte StableFlag = 1;

    /// <summary>The counter's frequency that the scale stands for.</summary>
    public ulong Hertz
    {
        get
        {
            UInt128 hertz = ((UInt128)1_000_000_000 << 64) / Multiplier >> (32 + Shift);
            return hertz > ulong.MaxValue ? ulong.MaxValue : (ulong)hertz;
        }
    }

    /// <summary>Copies the page between two equal even versions.</summary>
    /// <returns>False when it never holds still, was never written, or makes no sense.</returns>
    [NonAllocating]
    public static bool TryRead(ref PvClockPage page, out PvClock clock)
    {
        for (int attempt = 0; attempt < MaxAttempts; attempt++)
        {
            uint version = Volatile.Read(ref page.Version);
            clock = new PvClock(
                Volatile.Read(ref page.TscTimestamp),
                Volatile.Read(ref page.SystemTime),
                Volatile.Read(ref page.TscToSystemMultiplier),
                Volatile.Read(ref page.TscShift),
                (Volatile.Read(ref page.Flags) & StableFlag) != 0);
            if ((version & 1) == 0 && version == Volatile.Read(ref page.Version))
            {
                return version != 0 && clock.Multiplier != 0 && clock.Shift is > -32 and < 32;
            }
        }

        clock = default;
        return false;
    }

    /// <summary>Copies the time of day at which system time began.</summary>
    /// <returns>False when it was never written or makes no sense.</returns>
    public static bool TryReadWall(ref PvWallClock page, out long realtimeNs)
    {
        for (int attempt = 0; attempt < MaxAttempts; attempt++)
        {
            uint version = Volatile.Read(ref page.Version);
            uint seconds = Volatile.Read(ref page.Seconds);
            uint nanoseconds = Volatile.Read(ref page.Nanoseconds);
            if ((version & 1) == 0 && version == Volatile.Read(ref page.Version))
            {
                realtimeNs = (seconds * 1_000_000_000L) + nanoseconds;
                return version != 0 && nanoseconds < 1_000_000_000;
            }
        }

        realtimeNs = 0;
        return false;
    }

    /// <summary>
    /// System time, in nanoseconds, at a reading of the counter; one that is a little older than the page is the page's own time.
    /// </summary>
    [NonAllocating]
    public long ToNs(ulong tsc)
    {
        ulong delta = (long)(tsc - TscTimestamp) < 0 ? 0 : tsc - TscTimestamp;
        UInt128 shifted = Shift >= 0 ? (UInt128)delta << Shift : delta >> -Shift;
        return (long)(SystemTimeNs + (ulong)((shifted * Multiplier) >> 32));
    }
}

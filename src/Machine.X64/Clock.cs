using System.Runtime.CompilerServices;

namespace Semitone.Machine.X64;

/// <summary>Time by the time-stamp counter, since boot.</summary>
// SAFETY: the door's table lies in Metal's static data and is never moved or freed.
internal sealed unsafe class Clock : IClock
{
    private const long NanosecondsPerSecond = 1_000_000_000;

    /// <summary>What a deadline in TSC ticks is that never comes.</summary>
    internal const ulong Never = ulong.MaxValue;

    private readonly MetalDoor* _door;
    private readonly ulong _boot;
    private readonly ulong _multiplier;
    private readonly int _shift;
    private readonly ulong _ticksPerNanosecond32;
    private long _bootRealtimeNs = -1;

    internal Clock(MetalDoor* door)
    {
        _door = door;
        _boot = door->TscBoot;
        _multiplier = door->TscMultiplier;
        _shift = (int)door->TscShift;

        // 32.32 fixed point; split so that it does not overflow below 4 GHz x 2^32.
        ulong hertz = door->TscHertz;
        _ticksPerNanosecond32 = ((hertz / 1_000_000 << 32) / 1000) + ((hertz % 1_000_000 << 32) / NanosecondsPerSecond);
    }

    public long MonotonicNs
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            // The multiplier has 32 bits, so two short products make the long one: without BMI2, Math.BigMul is a subroutine.
            ulong ticks = _door->ReadTsc() - _boot;
            ulong high = (ticks >> 32) * _multiplier;
            ulong low = (uint)ticks * _multiplier;
            return (long)((high << (32 - _shift)) + (low >> _shift));
        }
    }

    public long BootRealtimeNs
    {
        get
        {
            if (_bootRealtimeNs < 0)
            {
                long seconds = _door->ReadClockChip();
                long sinceBoot = MonotonicNs;
                _bootRealtimeNs = seconds == 0 ? 0 : seconds * NanosecondsPerSecond - sinceBoot;
            }

            return _bootRealtimeNs;
        }
    }

    public TscScale? TscScale => _door->HasInvariantTsc != 0 ? new TscScale(_boot, (uint)_multiplier, _shift) : null;

    /// <summary>The TSC reading at a time of the monotonic clock, rounded up; <see cref="Never"/> for one that the counter takes a century or more to reach.</summary>
    internal ulong ToTicks(long monotonicNs)
    {
        if (monotonicNs <= 0)
        {
            return _boot;
        }

        ulong high = Math.BigMul((ulong)monotonicNs, _ticksPerNanosecond32, out ulong low);
        return high > uint.MaxValue / 2 ? Never : _boot + ((high << 32) | (low >> 32)) + 1;
    }
}

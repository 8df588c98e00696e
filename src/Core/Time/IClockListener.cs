namespace Semitone.Core;

/// <summary>Somebody who has copies of what the clocks are made of.</summary>
public interface IClockListener
{
    /// <summary>The monotonic clock goes on at another rate, from where it was.</summary>
    void OnRateChanged();

    /// <summary>The time of day has been set.</summary>
    /// <param name="forwardNs">By how much; negative for backwards.</param>
    void OnRealtimeSet(long forwardNs);
}

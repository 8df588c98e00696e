namespace Semitone.Net;

/// <summary>How the congestion window grows, and how far it falls (tcp(7), TCP_CONGESTION).</summary>
/// <remarks>When it falls is not its business (<see cref="LossRecovery"/>).</remarks>
public interface ICongestionControl
{
    /// <summary>The name by which a program asks for it.</summary>
    string Name { get; }

    /// <summary>Something was acknowledged while the window was in use to its end, outside of recovery.</summary>
    void OnAcknowledged(ref CongestionWindow window, int bytes, long rttNs, long nowNs);

    /// <summary>Something was lost: tells the new threshold.</summary>
    int GetThreshold(in CongestionWindow window, int inFlight);

    /// <summary>What was held for lost was not.</summary>
    void Undo();

    /// <summary>Nothing was sent for a time, which does not count.</summary>
    void OnIdle(long durationNs);
}

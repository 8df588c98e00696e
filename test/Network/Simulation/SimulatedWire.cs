using Semitone.Net;

namespace Semitone.Network.Simulation;

/// <summary>A segment of Ethernet: a frame reaches all links but its own, each by its own luck.</summary>
public sealed class SimulatedWire(SimulatedNetwork network, Impairments impairments)
{
    private readonly List<SimulatedLink> _links = [];
    private long _freeNs;
    private int _queued;

    /// <summary>What happens to frames from now on.</summary>
    public Impairments Impairments { get; set; } = impairments;

    /// <summary>Decides about each frame besides; false loses it.</summary>
    public Func<byte[], bool>? Filter { get; set; }

    /// <summary>Frames that were put on the wire.</summary>
    public long FrameCount { get; private set; }

    internal void Add(SimulatedLink link) => _links.Add(link);

    internal void Send(SimulatedLink from, byte[] frame, bool isVerified)
    {
        FrameCount++;
        if (Filter?.Invoke(frame) == false)
        {
            return;
        }

        long sentNs = network.NowNs;
        if (Impairments.BytesPerSecond != 0)
        {
            _freeNs = Math.Max(_freeNs, network.NowNs) + frame.Length * 1_000_000_000L / Impairments.BytesPerSecond;
            _queued = (int)((_freeNs - network.NowNs) * Impairments.BytesPerSecond / 1_000_000_000 / 1500);
            if (_queued > Impairments.QueueLimit)
            {
                _freeNs -= frame.Length * 1_000_000_000L / Impairments.BytesPerSecond;
                return;
            }

            sentNs = _freeNs;
        }

        foreach (SimulatedLink link in _links)
        {
            if (link == from)
            {
                continue;
            }

            int copies = network.Random.Chance(Impairments.Duplication) ? 2 : 1;
            for (int i = 0; i < copies; i++)
            {
                if (network.Random.Chance(Impairments.Loss))
                {
                    continue;
                }

                byte[] copy = frame;
                bool isRight = isVerified;
                if (network.Random.Chance(Impairments.Damage))
                {
                    copy = (byte[])frame.Clone();
                    copy[network.Random.Next(copy.Length)] ^= (byte)(1 << network.Random.Next(8));
                    isRight = false;
                }

                long jitterNs = Impairments.JitterNs == 0 ? 0 : (long)(network.Random.NextUInt64() % (ulong)Impairments.JitterNs);
                network.Schedule(link, copy, isRight, sentNs + Impairments.DelayNs + jitterNs);
            }
        }
    }
}

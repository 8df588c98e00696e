using Semitone.Net;

namespace Semitone.Network.Simulation;

/// <summary>Hosts and wires under one virtual clock: the same seed makes the same run.</summary>
public sealed class SimulatedNetwork
{
    private readonly PriorityQueue<Delivery, (long TimeNs, long Order)> _deliveries = new();
    private readonly List<SimulatedHost> _hosts = [];
    private long _order;

    public SimulatedNetwork(ulong seed) => Random = new SeededRandom(seed);

    public SeededRandom Random { get; }

    public long NowNs { get; private set; } = 1_000_000_000;

    public IReadOnlyList<SimulatedHost> Hosts => _hosts;

    /// <summary>Sees each frame that arrives, before the host does.</summary>
    public Action<SimulatedLink, byte[]>? OnFrame { get; set; }

    /// <summary>Steps that <see cref="RunUntil"/> may take: more means that somebody never comes to rest.</summary>
    public long StepLimit { get; set; } = 10_000_000;

    /// <summary>Adds a host, with its loop back and nothing else.</summary>
    public SimulatedHost AddHost(string name, IEgressFilter? filter = null)
    {
        SimulatedHost host = new(this, name, filter);
        _hosts.Add(host);
        return host;
    }

    /// <summary>Adds a wire that any number of interfaces hang on.</summary>
    public SimulatedWire AddWire(Impairments? impairments = null) => new(this, impairments ?? new Impairments());

    /// <summary>Two hosts on a wire, 10.0.0.1/24 and 10.0.0.2/24, with fd00::1/64 and fd00::2/64.</summary>
    public static (SimulatedNetwork Network, SimulatedHost A, SimulatedHost B) Pair(ulong seed = 1, Impairments? impairments = null)
    {
        SimulatedNetwork network = new(seed);
        SimulatedWire wire = network.AddWire(impairments);
        SimulatedHost a = network.AddHost("a");
        SimulatedHost b = network.AddHost("b");
        a.Connect(wire, "10.0.0.1", "fd00::1");
        b.Connect(wire, "10.0.0.2", "fd00::2");
        network.Run(2_000_000_000);
        return (network, a, b);
    }

    /// <summary>Lets time pass.</summary>
    public void Run(long durationNs) => RunUntil(() => false, durationNs);

    /// <summary>Lets time pass until something is so.</summary>
    /// <returns>Whether it has come to be.</returns>
    public bool RunUntil(Func<bool> isDone, long durationNs)
    {
        long endNs = NowNs + durationNs;
        for (long step = 0; ; step++)
        {
            if (step > StepLimit)
            {
                throw new InvalidOperationException("The network does not come to rest.");
            }

            if (isDone())
            {
                return true;
            }

            long next = _deliveries.TryPeek(out _, out (long TimeNs, long Order) priority) ? priority.TimeNs : long.MaxValue;
            foreach (SimulatedHost host in _hosts)
            {
                next = Math.Min(next, host.Stack.NextDeadlineNs);
            }

            if (next > endNs)
            {
                NowNs = endNs;
                return isDone();
            }

            NowNs = Math.Max(NowNs, next);
            while (_deliveries.TryPeek(out Delivery delivery, out priority) && priority.TimeNs <= NowNs)
            {
                _deliveries.Dequeue();
                delivery.To.Receive(delivery.Frame, delivery.IsVerified);
            }

            foreach (SimulatedHost host in _hosts)
            {
                if (host.Stack.NextDeadlineNs <= NowNs)
                {
                    host.Stack.Poll(NowNs);
                }

                host.Stack.FlushLinks();
            }
        }
    }

    internal void Schedule(SimulatedLink to, byte[] frame, bool isVerified, long timeNs) =>
        _deliveries.Enqueue(new Delivery(to, frame, isVerified), (timeNs, _order++));

    private readonly record struct Delivery(SimulatedLink To, byte[] Frame, bool IsVerified);
}

using Semitone.Net;
using Semitone.Network.Simulation;

namespace Semitone.Network.Tcp;

/// <summary>Two hosts, a wire between them, and a clock: all from one seed.</summary>
internal sealed class SimulatedNetwork
{
    public const ushort ServerPort = 80;

    private readonly PriorityQueue<Flight, (long TimeNs, long Order)> _flights = new(4096);
    private readonly SeededRandom _random;
    private readonly long[] _lineFreeNs = new long[2];
    private long _order;

    public SimulatedNetwork(ulong seed, WireConditions conditions, TcpLimits? limits = null, long startNs = 5_000_000_000)
    {
        _random = new SeededRandom(seed);
        Conditions = conditions;
        NowNs = startNs;
        limits ??= new TcpLimits();
        Client = new SimulatedHost(this, IpAddress.FromIpv4(0x0A00_0001), seed * 2 + 1, limits);
        Server = new SimulatedHost(this, IpAddress.FromIpv4(0x0A00_0002), seed * 2 + 2, limits);
    }

    public WireConditions Conditions { get; set; }

    public long NowNs { get; private set; }

    public SimulatedHost Client { get; }

    public SimulatedHost Server { get; }

    public SeededRandom Random => _random;

    /// <summary>Whether acknowledgments that are owed go when nothing else is to be done, as the kernel does it.</summary>
    public bool FlushesWhenIdle { get; set; } = true;

    /// <summary>Packets on the wire.</summary>
    public int FlightCount => _flights.Count;

    /// <summary>Sees each packet that is sent: whether it comes from the client.</summary>
    public Action<bool, ReadOnlySpan<byte>>? Tap { get; set; }

    /// <summary>Says which packets are dropped, besides chance.</summary>
    public Func<bool, ReadOnlySpan<byte>, bool>? Drops { get; set; }

    public TcpEndpoint ServerEndpoint => new(Server.Address, ServerPort);

    /// <summary>Sets the clock such that a connection's initial sequence number is a certain one.</summary>
    public void StartAtSequence(SimulatedHost host, in ConnectionKey key, uint initial)
    {
        const long TickNs = 64;
        long firstNs = 1L << 39;
        uint known = host.Tcp.GetInitialSequence(key, firstNs).Value;
        NowNs = firstNs + (TickNs * (uint)(initial - known));
    }

    public SimulatedHost GetPeer(SimulatedHost host) => host == Client ? Server : Client;

    public PacketPool GetPoolOfPeer(SimulatedHost host) => GetPeer(host).Pool;

    public bool Refuses() => Conditions.Refusal > 0 && _random.Chance(Conditions.Refusal);

    public void Transmit(SimulatedHost from, PacketBuffer buffer)
    {
        Tap?.Invoke(from == Client, buffer.Bytes);
        if (_random.Chance(Conditions.Loss) || (Drops is not null && Drops(from == Client, buffer.Bytes)))
        {
            buffer.Release();
            return;
        }

        long arrivalNs = NowNs;
        if (Conditions.Rate > 0)
        {
            ref long freeNs = ref _lineFreeNs[from == Client ? 0 : 1];
            long startNs = Math.Max(freeNs, NowNs);
            if ((startNs - NowNs) * Conditions.Rate / 1_000_000_000 > Conditions.QueueBytes)
            {
                buffer.Release();
                return;
            }

            freeNs = startNs + ((buffer.Length + 40L) * 1_000_000_000 / Conditions.Rate);
            arrivalNs = freeNs;
        }

        if (_random.Chance(Conditions.Duplication) && GetPoolOfPeer(from).TryTake(out PacketBuffer? copy))
        {
            copy.Reset(20, buffer.Length);
            buffer.Bytes.CopyTo(copy.Bytes);
            Enqueue(from, copy, arrivalNs + GetDelay());
        }

        if (_random.Chance(Conditions.Damage))
        {
            buffer.Bytes[_random.Next(buffer.Length)] ^= (byte)(1 << _random.Next(8));
        }

        Enqueue(from, buffer, arrivalNs + GetDelay());
    }

    /// <summary>Lets time pass, until something is so or nothing more happens.</summary>
    /// <returns>Whether it is so.</returns>
    public bool RunUntil(Func<bool> isDone, long mostNs)
    {
        long endNs = NowNs + mostNs;
        while (!isDone())
        {
            if (FlushesWhenIdle)
            {
                Client.Tcp.FlushAcknowledgments(NowNs);
                Server.Tcp.FlushAcknowledgments(NowNs);
            }

            if (!Step(endNs))
            {
                return isDone();
            }
        }

        return true;
    }

    public void Run(long durationNs)
    {
        RunUntil(() => false, durationNs);
    }

    private bool Step(long endNs)
    {
        long flightNs = _flights.TryPeek(out _, out (long TimeNs, long Order) priority) ? priority.TimeNs : long.MaxValue;
        long nextNs = Math.Min(flightNs, Math.Min(Client.Tcp.NextDeadlineNs, Server.Tcp.NextDeadlineNs));
        if (nextNs > endNs)
        {
            NowNs = endNs;
            return false;
        }

        NowNs = Math.Max(NowNs, nextNs);
        if (flightNs <= NowNs)
        {
            Flight flight = _flights.Dequeue();
            flight.To.Tcp.Receive(
                new ReceivedPacket
                {
                    Buffer = flight.Buffer,
                    Source = GetPeer(flight.To).Address,
                    Destination = flight.To.Address,
                    InterfaceIndex = 1,
                },
                NowNs);
            return true;
        }

        Client.Tcp.Poll(NowNs);
        Server.Tcp.Poll(NowNs);
        return true;
    }

    private long GetDelay()
    {
        long jitterNs = Conditions.JitterNs > 0 ? (long)(_random.NextUInt64() % (ulong)Conditions.JitterNs) : 0;
        return Conditions.DelayNs + jitterNs;
    }

    private void Enqueue(SimulatedHost from, PacketBuffer buffer, long timeNs) =>
        _flights.Enqueue(new Flight(GetPeer(from), buffer), (timeNs, _order++));

    private readonly record struct Flight(SimulatedHost To, PacketBuffer Buffer);
}

using System.Diagnostics;
using Semitone.Net;
using Semitone.Network.Simulation;

namespace Semitone.Network.Interop;

/// <summary>A stack on a TAP device, under the real clock; driven by whoever waits for something.</summary>
internal sealed class TapHost : IDisposable
{
    private const long TimeoutNs = 20_000_000_000;

    private readonly TapLink _link;
    private readonly long _beganNs = Stopwatch.GetTimestamp();

    public TapHost(TapLink link)
    {
        _link = link;
        Stack = new NetworkStack(new NetworkStackOptions { Random = new SeededRandom((ulong)_beganNs) });
        Udp = new UdpLayer(Stack);
        Interface = Stack.AddInterface(link, "eth0");
        Stack.SetUp(Interface, isUp: true, NowNs);
    }

    public NetworkStack Stack { get; }

    public UdpLayer Udp { get; }

    public NetworkInterface Interface { get; }

    public long NowNs => (long)Stopwatch.GetElapsedTime(_beganNs).TotalNanoseconds;

    /// <summary>What is done besides, each time around.</summary>
    public Action? OnTurn { get; set; }

    /// <summary>Drives the stack until something is so.</summary>
    public void Until(Func<bool> isDone)
    {
        long endNs = NowNs + TimeoutNs;
        while (!isDone())
        {
            Assert.True(NowNs < endNs, "It takes too long.");
            bool isBusy = _link.Receive(Stack, Interface, NowNs);
            if (Stack.NextDeadlineNs <= NowNs)
            {
                Stack.Poll(NowNs);
            }

            OnTurn?.Invoke();
            Stack.FlushLinks();
            if (!isBusy)
            {
                Thread.Sleep(1);
            }
        }
    }

    public void Until(Task task)
    {
        Until(() => task.IsCompleted);
        task.GetAwaiter().GetResult();
    }

    public void Dispose()
    {
        foreach (UdpEndpoint endpoint in Udp.Endpoints.ToList())
        {
            endpoint.Close(NowNs);
        }

        Stack.SetUp(Interface, isUp: false, NowNs);
    }
}

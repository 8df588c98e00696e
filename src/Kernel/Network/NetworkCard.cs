using System.Diagnostics.CodeAnalysis;
using Semitone.Core;
using Semitone.Drivers;
using Semitone.Net;
using Semitone.Sockets;

namespace Semitone.Kernel;

/// <summary>A network card and the interface that it is: brings what it has received to the stack.</summary>
internal sealed class NetworkCard : INetDeviceOwner, IFrameSource
{
    /// <summary>Frames that are taken before others have a turn.</summary>
    private const int Budget = 64;

    private readonly NetworkStack _stack;
    private readonly NetworkTask _task;
    private readonly NetDevice _device;

    private NetworkCard(Sockets.Network network, VirtioDevice device, string name)
    {
        _stack = network.Stack;
        _task = network.Task;
        if (NetDevice.TryOpen(device, this, out NetDevice? opened, out string? problem))
        {
            Interface = _stack.AddInterface(opened, name);
        }

        _device = opened!;
        Problem = problem;
    }

    /// <summary>What it is in the stack; null where it cannot be used.</summary>
    internal NetworkInterface? Interface { get; }

    /// <summary>Why it cannot.</summary>
    internal string? Problem { get; }

    /// <summary>Starts a card.</summary>
    /// <param name="network">Where its frames go.</param>
    /// <param name="device">Its device.</param>
    /// <param name="name">What the interface is called.</param>
    /// <param name="executor">Who looks at it after interrupts.</param>
    internal static NetworkCard Open(Sockets.Network network, VirtioDevice device, string name, Executor executor)
    {
        NetworkCard card = new(network, device, name);
        if (card.Interface is not null)
        {
            network.Task.AddSource(card);
            executor.AddInterruptHandler(card._device);
        }

        return card;
    }

    public void OnWork() => _task.Post();

    public bool TryTakeBuffer(int length, [NotNullWhen(true)] out PacketBuffer? buffer) => _stack.Pools.TryTake(length, out buffer);

    public bool ReceiveFrames(long nowNs)
    {
        _device.TakeLinkChange();
        int count = 0;
        while (count < Budget && _device.TryReceive(out PacketBuffer? frame))
        {
            _stack.Input(Interface!, frame, nowNs);
            count++;
        }

        if (count > 0)
        {
            _device.FlushReceived();
        }

        return count == Budget;
    }
}

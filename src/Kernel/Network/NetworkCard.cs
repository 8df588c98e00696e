using System.Diagnostics.CodeAnalysis;
using Semitone.Drivers;
using Semitone.Net;

namespace Semitone.Kernel;

/// <summary>A network card and the interface that it is: brings what it has received to the stack.</summary>
internal sealed class NetworkCard(NetworkStack stack, Action wake) : INetDeviceOwner
{
    /// <summary>Frames that are taken before others have a turn.</summary>
    private const int Budget = 64;

    private NetDevice? _device;
    private NetworkInterface? _interface;

    internal NetworkInterface Interface => _interface!;

    /// <summary>Starts a card.</summary>
    /// <param name="device">Its device.</param>
    /// <param name="name">What the interface is called.</param>
    /// <param name="problem">Why not.</param>
    internal bool TryOpen(VirtioDevice device, string name, [NotNullWhen(true)] out NetDevice? opened, [NotNullWhen(false)] out string? problem)
    {
        if (!NetDevice.TryOpen(device, this, out opened, out problem))
        {
            return false;
        }

        _device = opened;
        _interface = stack.AddInterface(opened, name);
        return true;
    }

    public void OnWork() => wake();

    public bool TryTakeBuffer(int length, [NotNullWhen(true)] out PacketBuffer? buffer) => stack.Pools.TryTake(length, out buffer);

    /// <summary>Hands what has come to the stack.</summary>
    /// <returns>Whether there is more.</returns>
    internal bool Drain(long nowNs)
    {
        NetDevice device = _device!;
        device.TakeLinkChange();
        int count = 0;
        while (count < Budget && device.TryReceive(out PacketBuffer? frame))
        {
            stack.Input(_interface!, frame, nowNs);
            count++;
        }

        if (count > 0)
        {
            device.FlushReceived();
        }

        return count == Budget;
    }
}

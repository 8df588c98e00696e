using System.Text;
using Semitone.Net;

namespace Semitone.Sockets;

/// <summary>What is told of an interface (IFF_ in netdevice(7)).</summary>
[Flags]
internal enum InterfaceFlags : uint
{
    None = 0,
    Up = 1,
    Broadcast = 2,
    Loopback = 8,
    Running = 0x40,
    Multicast = 0x1000,
    LowerUp = 0x1_0000,
}

/// <summary>What of an interface is told in several places.</summary>
internal static class InterfaceFacts
{
    /// <summary>Types of hardware (ARPHRD_).</summary>
    public const ushort EthernetType = 1;
    public const ushort LoopbackType = 772;

    /// <summary>Packets that a device's queue has room for; nothing queues here.</summary>
    public const uint QueueLength = 1000;

    /// <summary>Finds an interface by its number; null when there is none.</summary>
    public static NetworkInterface? FindInterface(this NetworkStack stack, int index)
    {
        foreach (NetworkInterface networkInterface in stack.Interfaces)
        {
            if (networkInterface.Index == index)
            {
                return networkInterface;
            }
        }

        return null;
    }

    /// <summary>Finds an interface by its name, without a NUL; null when there is none.</summary>
    public static NetworkInterface? FindInterface(this NetworkStack stack, ReadOnlySpan<byte> name)
    {
        foreach (NetworkInterface networkInterface in stack.Interfaces)
        {
            if (Ascii.Equals(name, networkInterface.Name))
            {
                return networkInterface;
            }
        }

        return null;
    }

    public static InterfaceFlags GetFlags(this NetworkInterface networkInterface)
    {
        InterfaceFlags flags = networkInterface.IsLoopback
            ? InterfaceFlags.Loopback
            : InterfaceFlags.Broadcast | InterfaceFlags.Multicast;
        flags |= networkInterface.IsUp ? InterfaceFlags.Up : flags;
        return networkInterface.IsRunning ? flags | InterfaceFlags.Running | InterfaceFlags.LowerUp : flags;
    }

    public static ushort GetHardwareType(this NetworkInterface networkInterface) =>
        networkInterface.IsLoopback ? LoopbackType : EthernetType;
}

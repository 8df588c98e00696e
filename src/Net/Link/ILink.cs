namespace Semitone.Net;

/// <summary>What frames go out by: a network card, or the loop back to oneself.</summary>
/// <remarks>What comes in is handed to the stack by whoever drives the link (<see cref="PacketBuffer"/>).</remarks>
public interface ILink
{
    /// <summary>Bytes of the largest packet, without the link's header.</summary>
    int Mtu { get; }

    /// <summary>The address; all zero where the link has none.</summary>
    MacAddress Address { get; }

    /// <summary>Whether packets have Ethernet's header, and neighbours are looked for; the loop back has neither.</summary>
    bool IsEthernet { get; }

    /// <summary>Whether there is a carrier.</summary>
    bool IsUp { get; }

    LinkOffloads Offloads { get; }

    /// <summary>Queues a frame.</summary>
    /// <returns>False when there is no room: <see cref="NetworkError.NoBuffers"/>. A link that is down drops and says true.</returns>
    bool TrySend(in OutgoingFrame frame);

    /// <summary>Tells the device of what was queued: once for many frames.</summary>
    void Flush();
}

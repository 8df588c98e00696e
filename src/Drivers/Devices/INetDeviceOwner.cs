using System.Diagnostics.CodeAnalysis;
using Semitone.Net;

namespace Semitone.Drivers;

/// <summary>Who takes the frames of a <see cref="NetDevice"/>.</summary>
public interface INetDeviceOwner
{
    /// <summary>
    /// Hears that there is something to do: frames to take, room to send, a link that has changed, a device that has failed.
    /// </summary>
    /// <remarks>In interrupt context: he notes it and comes later.</remarks>
    [NonAllocating]
    void OnWork();

    /// <summary>Gets a buffer for a frame.</summary>
    /// <param name="length">Bytes that it must have room for.</param>
    /// <param name="buffer">The buffer.</param>
    /// <returns>False when there is none: the frame is dropped.</returns>
    bool TryTakeBuffer(int length, [NotNullWhen(true)] out PacketBuffer? buffer);
}

namespace Semitone.Net;

/// <summary>Joins packets in a queue, so that small ones do not pin buffers that are large.</summary>
internal static class PacketQueue
{
    /// <summary>Tries to put a packet's bytes behind those of another one.</summary>
    /// <returns>Whether they are there now; the packet is not given back.</returns>
    public static bool TryCoalesce(PacketBuffer? tail, PacketBuffer buffer)
    {
        // Half of a buffer is worth keeping for itself; less is copied where there is room: at least half of all room is in use then.
        if (tail is null || buffer.Length > buffer.Capacity / 2 || buffer.Length > tail.Tailroom)
        {
            return false;
        }

        tail.Append(buffer.Bytes);
        return true;
    }
}

using Semitone.Abi;
using Semitone.Machine;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>A copy of some bytes of a frame, for readers that take pieces as they come: headers and compressed data.</summary>
internal sealed class FrameWindow
{
    /// <summary>
    /// Enough for a header and its name. More would be copied for nothing: what follows is mostly a file's data, which nobody reads here.
    /// </summary>
    private const int Size = 512;

    private readonly byte[] _bytes = new byte[Size];

    /// <summary>Gets bytes of a frame; they are good until the next call.</summary>
    /// <param name="frames">Where the frame is from.</param>
    /// <param name="frame">A frame in use.</param>
    /// <param name="offset">First byte.</param>
    /// <param name="left">No more than so many, at least 1.</param>
    public ReadOnlySpan<byte> Get(FramePool frames, Frame frame, int offset, long left)
    {
        int count = (int)Math.Min(Math.Min(Size, Paging.PageSize - offset), left);
        Span<byte> bytes = _bytes.AsSpan(0, count);
        frames.Read(frame, offset, bytes);
        return bytes;
    }
}

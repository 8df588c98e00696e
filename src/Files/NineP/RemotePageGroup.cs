using Semitone.Abi;
using Semitone.Machine;

namespace Semitone.Files;

/// <summary>Pages of a server's file that lie together, with a place on the <see cref="PageClock"/>.</summary>
internal sealed class RemotePageGroup(RemotePages owner, long key) : ClockMember<RemotePageGroup>
{
    public const int Shift = 6;
    public const int Size = 1 << Shift;
    public const long Mask = Size - 1;

    public RemotePages Owner { get; } = owner;

    /// <summary>The number of its first page, divided by <see cref="Size"/>.</summary>
    public long Key { get; } = key;

    public Frame[] Frames { get; } = new Frame[Size];

    /// <summary>When each was asked for.</summary>
    public long[] Stamps { get; } = new long[Size];

    /// <summary>How many are here.</summary>
    public int Count { get; set; }
}

namespace Semitone.Net;

/// <summary>Bytes that are to be sent, in one of two sizes: most connections have little to say, and some have much.</summary>
internal sealed class SendChunk(int size)
{
    public const int SmallSize = 2048;

    /// <summary>Two of them hold what a link with segmentation takes at once; small enough to move in the heap.</summary>
    public const int LargeSize = 32768;

    public byte[] Bytes { get; } = new byte[size];

    /// <summary>The first byte that is not acknowledged.</summary>
    public int Start { get; set; }

    /// <summary>The byte behind the last one.</summary>
    public int End { get; set; }

    public SendChunk? Next { get; set; }

    public int Count => End - Start;

    public int Room => Bytes.Length - End;

    public void Reset()
    {
        Start = 0;
        End = 0;
        Next = null;
    }
}

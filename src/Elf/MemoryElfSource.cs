using Semitone.Abi;

namespace Semitone.Elf;

/// <summary>A file that lies in memory as a whole.</summary>
public sealed class MemoryElfSource(ReadOnlyMemory<byte> bytes) : IElfSource
{
    public IoResult ReadAt(long offset, Span<byte> destination)
    {
        if (offset < 0 || offset >= bytes.Length)
        {
            return 0L;
        }

        int count = (int)Math.Min(destination.Length, bytes.Length - offset);
        bytes.Span.Slice((int)offset, count).CopyTo(destination);
        return (long)count;
    }
}

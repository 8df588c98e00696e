using System.Runtime.InteropServices;

namespace Semitone.Cli.Posix;

/// <summary>Wakes a thread that waits in poll(2).</summary>
internal sealed class WakePipe
{
    private readonly int[] _ends = new int[2];

    public WakePipe()
    {
        if (LibC.pipe2(_ends, LibC.O_CLOEXEC | LibC.O_NONBLOCK) != 0)
        {
            throw new CommandFailedException(ExitStatus.MachineFailed, "no pipe could be made: too many open files");
        }
    }

    /// <summary>What to wait for: readable after a wake.</summary>
    public int Descriptor => _ends[0];

    /// <summary>Wakes the thread, or the next wait. Safe on any thread.</summary>
    public void Wake()
    {
        // A full pipe wakes as well.
        byte value = 0;
        LibC.write(_ends[1], in value, 1);
    }

    /// <summary>Forgets the wakes so far.</summary>
    public void Clear()
    {
        Span<byte> buffer = stackalloc byte[64];
        while (LibC.read(_ends[0], ref MemoryMarshal.GetReference(buffer), (nuint)buffer.Length) > 0)
        {
        }
    }
}

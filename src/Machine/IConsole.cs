namespace Semitone.Machine;

/// <summary>The machine's serial line: bytes out, bytes in.</summary>
[NonAllocating]
public interface IConsole
{
    /// <summary>Sends all bytes, waiting for the device where it must.</summary>
    void Write(ReadOnlySpan<byte> bytes);

    /// <summary>Takes what has arrived, without waiting.</summary>
    /// <returns>Bytes read, 0 when none are there. An arrival ends <see cref="ICpu.Idle"/> and <see cref="ICpu.Run"/>.</returns>
    int Read(Span<byte> buffer);
}

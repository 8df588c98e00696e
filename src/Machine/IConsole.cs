namespace Semitone.Machine;

/// <summary>A line to the host: bytes out, bytes in. The machine has a serial line; drivers know of others.</summary>
[NonAllocating]
public interface IConsole
{
    /// <summary>Sends all bytes, waiting for the device where it must.</summary>
    void Write(ReadOnlySpan<byte> bytes);

    /// <summary>Sends a header and what it heads, at once where the device can.</summary>
    void Write(ReadOnlySpan<byte> header, ReadOnlySpan<byte> body);

    /// <summary>
    /// Tells whether so many bytes could be sent without waiting for the host. Where not, an interrupt comes when they can.
    /// </summary>
    bool HasRoom(int count);

    /// <summary>Takes what has arrived, without waiting.</summary>
    /// <returns>Bytes read, 0 when none are there. An arrival ends <see cref="ICpu.Idle"/> and <see cref="ICpu.Run"/>.</returns>
    int Read(Span<byte> buffer);
}

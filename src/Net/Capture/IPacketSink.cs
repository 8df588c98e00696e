namespace Semitone.Net;

/// <summary>Where a capture goes: a file, a pipe to the host.</summary>
public interface IPacketSink
{
    /// <summary>Takes a whole block of pcapng; the bytes are valid during the call.</summary>
    void Write(ReadOnlySpan<byte> block);
}

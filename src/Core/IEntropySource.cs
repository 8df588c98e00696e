namespace Semitone.Core;

/// <summary>A device that has random bytes, some time after it was asked for them.</summary>
public interface IEntropySource
{
    /// <summary>Asks for bytes, unless it has been asked already. Never waits.</summary>
    void Request();

    /// <summary>Takes the bytes that have come. Never waits.</summary>
    /// <returns>Bytes written, from the beginning of the destination; 0 when there are none.</returns>
    int Take(Span<byte> destination);
}

namespace Semitone.Cpio;

/// <summary>The bytes of an archive, wherever they are.</summary>
/// <remarks>An initrd lies in frames that need not be one span, hence pieces.</remarks>
public interface ICpioSource
{
    /// <summary>Bytes of the whole source.</summary>
    long Length { get; }

    /// <summary>Gets bytes that lie together.</summary>
    /// <param name="offset">0 up to, not including, <see cref="Length"/>.</param>
    /// <returns>At least one byte, and never a byte beyond <see cref="Length"/>; good until the next call.</returns>
    ReadOnlySpan<byte> GetPiece(long offset);
}

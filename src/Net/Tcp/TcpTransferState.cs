namespace Semitone.Net;

/// <summary>What a read or a write meets.</summary>
public enum TcpTransferState : byte
{
    /// <summary>Bytes, or room.</summary>
    Ready,

    /// <summary>None yet.</summary>
    Wait,

    /// <summary>None ever again.</summary>
    EndOfStream,

    /// <summary>An error, which has been told now.</summary>
    Failed,
}

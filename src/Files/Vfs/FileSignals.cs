using Semitone.Abi;

namespace Semitone.Files;

/// <summary>Who is to get an open file's signals, and which (F_SETOWN and F_SETSIG in fcntl(2)).</summary>
/// <remarks>It is kept and told. No file here sends any: O_ASYNC does not stick, as Linux has it for files that cannot.</remarks>
public sealed class FileSignals
{
    public OwnerType OwnerType { get; set; } = OwnerType.F_OWNER_PID;

    /// <summary>0 for nobody.</summary>
    public int OwnerId { get; set; }

    /// <summary>What is sent in place of SIGIO; none for SIGIO itself.</summary>
    public Signal Signal { get; set; }
}

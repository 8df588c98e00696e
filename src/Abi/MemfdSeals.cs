namespace Semitone.Abi;

/// <summary>What can no longer be done with a file of memfd_create(2) (F_ADD_SEALS in fcntl(2)).</summary>
[Flags]
public enum MemfdSeals : uint
{
    None = 0,

    /// <summary>No more seals.</summary>
    F_SEAL_SEAL = 0x1,
    F_SEAL_SHRINK = 0x2,
    F_SEAL_GROW = 0x4,
    F_SEAL_WRITE = 0x8,

    /// <summary>No writing but through the shared mappings that there are.</summary>
    F_SEAL_FUTURE_WRITE = 0x10,

    /// <summary>No change of who may execute it.</summary>
    F_SEAL_EXEC = 0x20,
}

using Semitone.Abi;

namespace Semitone.Files;

/// <summary>
/// Who asks for a file (credentials(7)): the file-system user and group ID, the supplementary groups, and what capabilities allow beyond
/// them.
/// </summary>
public sealed class FileCredentials
{
    private static readonly CapabilitySet s_searching = CapabilitySet.Of(Capability.CAP_DAC_OVERRIDE)
        | CapabilitySet.Of(Capability.CAP_DAC_READ_SEARCH);

    public uint UserId { get; init; }

    public uint GroupId { get; init; }

    public uint[] Groups { get; init; } = [];

    /// <summary>The effective capabilities; those of the kernel itself unless said otherwise.</summary>
    public CapabilitySet Capabilities
    {
        get;
        init
        {
            field = value;
            SearchesEverything = (value & s_searching) != CapabilitySet.Empty;
        }
    } = CapabilitySet.All;

    /// <summary>Whether every directory may be searched, whatever its permissions are.</summary>
    public bool SearchesEverything { get; private init; } = true;

    public bool Has(Capability capability) => Capabilities.Contains(capability);

    public bool IsInGroup(uint groupId) => groupId == GroupId || Array.IndexOf(Groups, groupId) >= 0;

    /// <summary>Tells whether the owner's rights apply, as chmod(2) and utimensat(2) ask for.</summary>
    public bool Owns(Inode inode) => UserId == inode.UserId || Has(Capability.CAP_FOWNER);

    /// <summary>Checks the permission bits (path_resolution(7), "Permissions").</summary>
    /// <returns>None or EACCES.</returns>
    public Errno Check(Inode inode, AccessMode wanted)
    {
        const uint ExecutableByAnybody = 0x49;
        uint bits = (uint)inode.Mode;
        if (Has(Capability.CAP_DAC_OVERRIDE))
        {
            // That allows anything, but not to execute what nobody may execute.
            bool isRefused = (wanted & AccessMode.X_OK) != 0 && (bits & ExecutableByAnybody) == 0 && inode is not DirectoryInode;
            return isRefused ? Errno.EACCES : Errno.None;
        }

        if (UserId == inode.UserId)
        {
            bits >>= 6;
        }
        else if (IsInGroup(inode.GroupId))
        {
            bits >>= 3;
        }

        if (((uint)wanted & ~bits & 7) == 0)
        {
            return Errno.None;
        }

        AccessMode readable = inode is DirectoryInode ? AccessMode.R_OK | AccessMode.X_OK : AccessMode.R_OK;
        return Has(Capability.CAP_DAC_READ_SEARCH) && (wanted & ~readable) == 0 ? Errno.None : Errno.EACCES;
    }
}

using Semitone.Abi;

namespace Semitone.Files;

/// <summary>Who asks for a file (credentials(7)): the file-system user and group ID, and the supplementary groups.</summary>
public sealed class FileCredentials
{
    public uint UserId { get; set; }

    public uint GroupId { get; set; }

    public uint[] Groups { get; set; } = [];

    /// <summary>Root, who has CAP_DAC_OVERRIDE, CAP_FOWNER and CAP_CHOWN.</summary>
    public bool IsPrivileged => UserId == 0;

    public bool IsInGroup(uint groupId) => groupId == GroupId || Array.IndexOf(Groups, groupId) >= 0;

    /// <summary>Tells whether the owner's rights apply, as chmod(2) and utimensat(2) ask for.</summary>
    public bool Owns(Inode inode) => IsPrivileged || UserId == inode.UserId;

    /// <summary>Checks the permission bits (path_resolution(7), "Permissions").</summary>
    /// <returns>None or EACCES.</returns>
    public Errno Check(Inode inode, AccessMode wanted)
    {
        uint bits = (uint)inode.Mode;
        if (IsPrivileged)
        {
            // Root may do anything, but not execute what nobody may execute.
            bool isRefused = (wanted & AccessMode.X_OK) != 0 && (bits & 0x49) == 0 && inode is not DirectoryInode;
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
        return ((uint)wanted & ~bits & 7) == 0 ? Errno.None : Errno.EACCES;
    }
}

using Semitone.Abi;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>The user IDs of a process, or its group IDs: the rules by which they change are the same (credentials(7)).</summary>
internal readonly record struct IdSet(uint Real, uint Effective, uint Saved, uint FileSystem)
{
    /// <summary>"Do not change" in setreuid(2) and its kin.</summary>
    public const uint Unchanged = uint.MaxValue;

    public static IdSet OfUsers(Credentials credentials) =>
        new(credentials.RealUserId, credentials.EffectiveUserId, credentials.SavedUserId, credentials.FileSystemUserId);

    public static IdSet OfGroups(Credentials credentials) =>
        new(credentials.RealGroupId, credentials.EffectiveGroupId, credentials.SavedGroupId, credentials.FileSystemGroupId);

    /// <summary>setuid(2): all of them for who is privileged, else the effective one.</summary>
    /// <returns>None, EINVAL or EPERM.</returns>
    public Errno Set(uint id, bool isPrivileged, out IdSet changed)
    {
        changed = isPrivileged ? new IdSet(id, id, id, id) : this with { Effective = id, FileSystem = id };
        return id == Unchanged ? Errno.EINVAL : isPrivileged || id == Real || id == Saved ? Errno.None : Errno.EPERM;
    }

    /// <summary>setreuid(2).</summary>
    /// <returns>None or EPERM.</returns>
    public Errno SetRealAndEffective(uint real, uint effective, bool isPrivileged, out IdSet changed)
    {
        uint newEffective = Choose(effective, Effective);
        bool changesSaved = real != Unchanged || (effective != Unchanged && newEffective != Real);
        changed = new IdSet(Choose(real, Real), newEffective, changesSaved ? newEffective : Saved, newEffective);
        bool isRealAllowed = isPrivileged || real == Unchanged || real == Real || real == Effective;
        return isRealAllowed && (isPrivileged || IsOwnOrUnchanged(effective)) ? Errno.None : Errno.EPERM;
    }

    /// <summary>setresuid(2).</summary>
    /// <returns>None or EPERM.</returns>
    public Errno SetAll(uint real, uint effective, uint saved, bool isPrivileged, out IdSet changed)
    {
        uint newEffective = Choose(effective, Effective);
        changed = new IdSet(Choose(real, Real), newEffective, Choose(saved, Saved), newEffective);
        return isPrivileged || (IsOwnOrUnchanged(real) && IsOwnOrUnchanged(effective) && IsOwnOrUnchanged(saved))
            ? Errno.None
            : Errno.EPERM;
    }

    /// <summary>setfsuid(2): what is not allowed changes nothing, and nobody is told.</summary>
    public bool AllowsFileSystem(uint id, bool isPrivileged) => id != Unchanged && (isPrivileged || IsOwnOrUnchanged(id));

    private bool IsOwnOrUnchanged(uint id) => id == Unchanged || id == Real || id == Effective || id == Saved;

    private static uint Choose(uint wanted, uint current) => wanted == Unchanged ? current : wanted;
}

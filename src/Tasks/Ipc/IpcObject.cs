using Semitone.Abi;

namespace Semitone.Tasks;

/// <summary>An object of System V IPC: who made it, whose it is, who may use it (sysvipc(7)).</summary>
public abstract class IpcObject
{
    /// <summary>The permissions in <see cref="Mode"/>.</summary>
    public const uint PermissionMask = 0x1FF;

    private const uint ReadForAll = 0x124;
    private const uint WriteForAll = 0x92;

    protected IpcObject(int key, uint mode, GuestThread maker)
    {
        Key = key;
        Mode = mode & PermissionMask;
        CreatorUserId = maker.Credentials.EffectiveUserId;
        CreatorGroupId = maker.Credentials.EffectiveGroupId;
        UserId = CreatorUserId;
        GroupId = CreatorGroupId;
        ChangedSeconds = GetSeconds(maker.Process.System);
    }

    public int Key { get; internal set; }

    /// <summary>The number that calls name it by.</summary>
    public int Id { get; internal set; }

    public uint UserId { get; private set; }

    public uint GroupId { get; private set; }

    public uint CreatorUserId { get; }

    public uint CreatorGroupId { get; }

    /// <summary>Permissions.</summary>
    public uint Mode { get; private set; }

    /// <summary>When it was made, or changed by IPC_SET, in seconds since 1970.</summary>
    public long ChangedSeconds { get; protected set; }

    /// <summary>What tells of it besides its permissions.</summary>
    protected virtual SegmentMode ExtraMode => SegmentMode.None;

    /// <summary>Checks who may read it, or change what is in it.</summary>
    /// <returns>None or EACCES.</returns>
    public Errno Check(Credentials credentials, bool writes) => Check(credentials, writes ? WriteForAll : ReadForAll);

    /// <summary>Checks for the permissions that somebody asks for, of whichever class (the flags of shmget(2) and its kin).</summary>
    public Errno Check(Credentials credentials, uint wanted)
    {
        uint requested = (wanted >> 6) | (wanted >> 3) | wanted;
        uint granted = Mode;
        if (credentials.EffectiveUserId == CreatorUserId || credentials.EffectiveUserId == UserId)
        {
            granted >>= 6;
        }
        else if (IsInGroup(credentials, CreatorGroupId) || IsInGroup(credentials, GroupId))
        {
            granted >>= 3;
        }

        return (requested & ~granted & 7) == 0 || credentials.Has(Capability.CAP_IPC_OWNER) ? Errno.None : Errno.EACCES;
    }

    /// <summary>Checks who may remove it or give it away.</summary>
    /// <returns>None or EPERM.</returns>
    public Errno CheckOwner(Credentials credentials) =>
        credentials.EffectiveUserId == CreatorUserId
            || credentials.EffectiveUserId == UserId
            || credentials.Has(Capability.CAP_SYS_ADMIN)
            ? Errno.None
            : Errno.EPERM;

    /// <summary>Changes owner and permissions (IPC_SET).</summary>
    /// <returns>None; EINVAL for what is no user or group.</returns>
    public Errno SetOwner(in IpcPerm wanted, SystemState system)
    {
        if (wanted.uid == uint.MaxValue || wanted.gid == uint.MaxValue)
        {
            return Errno.EINVAL;
        }

        UserId = wanted.uid;
        GroupId = wanted.gid;
        Mode = wanted.mode & PermissionMask;
        ChangedSeconds = GetSeconds(system);
        return Errno.None;
    }

    public IpcPerm GetPermissions() => new()
    {
        key = Key,
        uid = UserId,
        gid = GroupId,
        cuid = CreatorUserId,
        cgid = CreatorGroupId,
        mode = Mode | (uint)ExtraMode,
        seq = (ushort)(Id >> IpcTable.IndexBits),
    };

    /// <summary>Called when it is taken out of its table: nobody finds it any more.</summary>
    internal abstract void OnRemoved();

    /// <summary>The time of day in seconds, as the fields of these objects have it.</summary>
    internal static long GetSeconds(SystemState system) => system.Clock.RealtimeNs / TimeUnits.NsPerSecond;

    private static bool IsInGroup(Credentials credentials, uint groupId) =>
        credentials.EffectiveGroupId == groupId || Array.IndexOf(credentials.Groups, groupId) >= 0;
}

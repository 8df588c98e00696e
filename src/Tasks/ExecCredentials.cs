using Semitone.Abi;

namespace Semitone.Tasks;

/// <summary>What a file gives to whoever executes it: user, group and capabilities (execve(2), capabilities(7)).</summary>
/// <param name="UserId">That of a set-user-ID program; else null.</param>
/// <param name="GroupId">That of a set-group-ID program; else null.</param>
/// <param name="HasCapabilities">Whether it has capabilities of its own.</param>
/// <param name="Permitted">Those that it gets whoever executes it.</param>
/// <param name="Inheritable">Those that it gets where its caller may hand them on.</param>
/// <param name="IsEffective">Whether it has them at once.</param>
public readonly record struct ProgramRights(
    uint? UserId, uint? GroupId, bool HasCapabilities, CapabilitySet Permitted, CapabilitySet Inheritable, bool IsEffective);

/// <summary>The credentials of a program that is executed (capabilities(7), "Transformation of capabilities during execve()").</summary>
public static class ExecCredentials
{
    /// <summary>Finds out whom a program will act as.</summary>
    /// <param name="old">Whom its caller acts as.</param>
    /// <param name="rights">What the file gives.</param>
    /// <param name="mayGain">
    /// Whether it may get more than its caller has; false with PR_SET_NO_NEW_PRIVS, or where others share what the program relies on.
    /// </param>
    /// <param name="keepsIds">Whether it keeps the caller's users where it may not gain; a caller with CAP_SETUID need not.</param>
    /// <param name="next">Whom it will act as.</param>
    /// <param name="isSecure">It gains by being executed (AT_SECURE).</param>
    /// <returns>None; EPERM where it would lack what its file says it needs.</returns>
    public static Errno Compute(
        Credentials old, in ProgramRights rights, bool mayGain, bool keepsIds, out Credentials next, out bool isSecure)
    {
        uint user = rights.UserId ?? old.EffectiveUserId;
        uint group = rights.GroupId ?? old.EffectiveGroupId;
        bool isEffective = rights.IsEffective;
        CapabilitySet permitted = (old.Bounding & rights.Permitted) | (old.Inheritable & rights.Inheritable);
        next = old;
        isSecure = false;
        if (isEffective && !rights.Permitted.IsSubsetOf(permitted))
        {
            // It could not know that it lacks some of them.
            return Errno.EPERM;
        }

        // The superuser has everything; but a set-user-ID program with capabilities of its own has only those.
        bool isByCapabilities = rights.HasCapabilities && user == 0 && old.RealUserId != 0;
        if ((old.SecureBits & SecureBits.SECBIT_NOROOT) == 0 && !isByCapabilities)
        {
            permitted = user == 0 || old.RealUserId == 0 ? old.Bounding | old.Inheritable : permitted;
            isEffective |= user == 0;
        }

        bool isSetId = user != old.EffectiveUserId || group != old.EffectiveGroupId;
        if ((isSetId || !permitted.IsSubsetOf(old.Permitted)) && !mayGain)
        {
            user = keepsIds ? old.RealUserId : user;
            group = keepsIds ? old.RealGroupId : group;
            permitted &= old.Permitted;
        }

        CapabilitySet ambient = rights.HasCapabilities || isSetId ? CapabilitySet.Empty : old.Ambient;
        permitted |= ambient;
        next = old with
        {
            EffectiveUserId = user,
            SavedUserId = user,
            FileSystemUserId = user,
            EffectiveGroupId = group,
            SavedGroupId = group,
            FileSystemGroupId = group,
            Permitted = permitted,
            Effective = isEffective ? permitted : ambient,
            Ambient = ambient,
            SecureBits = old.SecureBits & ~SecureBits.SECBIT_KEEP_CAPS,
        };
        isSecure = isSetId || (old.RealUserId != 0 && (isEffective || !permitted.IsSubsetOf(ambient)));
        return Errno.None;
    }
}

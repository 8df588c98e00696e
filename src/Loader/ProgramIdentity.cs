namespace Semitone.Loader;

/// <summary>Whom a program acts as, as its auxiliary vector tells it (getauxval(3)).</summary>
/// <param name="UserId">AT_UID.</param>
/// <param name="EffectiveUserId">AT_EUID.</param>
/// <param name="GroupId">AT_GID.</param>
/// <param name="EffectiveGroupId">AT_EGID.</param>
/// <param name="IsSecure">It has gained privileges by being executed, and is to trust nobody's environment (AT_SECURE).</param>
public readonly record struct ProgramIdentity(
    uint UserId, uint EffectiveUserId, uint GroupId, uint EffectiveGroupId, bool IsSecure);

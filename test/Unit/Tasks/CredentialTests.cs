using Semitone.Abi;
using Semitone.Tasks;

namespace Semitone.Unit.Tasks;

/// <summary>Credentials of threads, and of programs that have rights of their own.</summary>
public sealed class CredentialTests
{
    private static readonly CapabilitySet s_kill = CapabilitySet.Of(Capability.CAP_KILL);
    private static readonly CapabilitySet s_owner = CapabilitySet.Of(Capability.CAP_FOWNER);

    private static Credentials User => Credentials.Root with
    {
        RealUserId = 1000,
        EffectiveUserId = 1000,
        SavedUserId = 1000,
        FileSystemUserId = 1000,
        RealGroupId = 1000,
        EffectiveGroupId = 1000,
        SavedGroupId = 1000,
        FileSystemGroupId = 1000,
        Effective = default,
        Permitted = default,
    };

    /// <summary>As on Linux, a change is one of the calling thread's; C libraries make one of the whole process of it.</summary>
    [Fact]
    public void Setresuid_ChangesTheCallingThreadAlone()
    {
        Guest guest = new();
        ThreadScript? other = null;
        guest.MakeThread(child => other = child
            .Call(SyscallNumber.setresuid, 1000, 1000, 1000)
            .Call(SyscallNumber.getuid)
            .Call(SyscallNumber.setresuid, 0, 0, 0)
            .Call(SyscallNumber.prctl, (ulong)PrctlOption.PR_SET_NO_NEW_PRIVS, 1)
            .Call(SyscallNumber.exit));
        for (int i = 0; i < 8; i++)
        {
            guest.Main.Call(SyscallNumber.sched_yield);
        }

        guest.Main.Call(SyscallNumber.getuid).Call(SyscallNumber.prctl, (ulong)PrctlOption.PR_GET_NO_NEW_PRIVS);
        guest.Run();
        Assert.Equal([0, 1000, -(long)Errno.EPERM, 0], other!.Results[..4]);
        Assert.Equal([0, 0], guest.Main.Results[^2..]);
    }

    [Fact]
    public void Exec_SetUserId_ActsAsTheOwner()
    {
        ProgramRights rights = new() { UserId = 0, GroupId = 20 };
        Assert.Equal(Errno.None, Compute(User, rights, out Credentials next, out bool isSecure));
        Assert.Equal((1000u, 0u, 0u, 0u), (next.RealUserId, next.EffectiveUserId, next.SavedUserId, next.FileSystemUserId));
        Assert.Equal((1000u, 20u), (next.RealGroupId, next.EffectiveGroupId));
        Assert.Equal(CapabilitySet.All, next.Effective);
        Assert.True(isSecure);
    }

    [Fact]
    public void Exec_NoNewPrivileges_GivesNone()
    {
        ProgramRights rights = new() { HasCapabilities = true, Permitted = s_kill, IsEffective = true };
        Assert.Equal(Errno.None, ExecCredentials.Compute(User, rights, mayGain: false, keepsIds: true, out Credentials next, out _));
        Assert.Equal(CapabilitySet.Empty, next.Permitted);
        rights = new ProgramRights { UserId = 0 };
        Assert.Equal(Errno.None, ExecCredentials.Compute(User, rights, mayGain: false, keepsIds: true, out next, out _));
        Assert.Equal((1000u, CapabilitySet.Empty), (next.EffectiveUserId, next.Effective));
    }

    [Fact]
    public void Exec_CapabilitiesOfTheFile_AreBoundedAndMayBeEffective()
    {
        ProgramRights rights = new() { HasCapabilities = true, Permitted = s_kill, Inheritable = s_owner };
        Credentials user = User with { Inheritable = s_owner, Ambient = s_owner, Permitted = s_owner };
        Assert.Equal(Errno.None, Compute(user, rights, out Credentials next, out bool isSecure));
        Assert.Equal((s_kill | s_owner, CapabilitySet.Empty, CapabilitySet.Empty), (next.Permitted, next.Effective, next.Ambient));
        Assert.True(isSecure);
        Assert.Equal(Errno.None, Compute(user, rights with { IsEffective = true }, out next, out _));
        Assert.Equal(s_kill | s_owner, next.Effective);

        // What it needs it must get, or it could not know.
        user = user with { Bounding = CapabilitySet.All & ~s_kill };
        Assert.Equal(Errno.EPERM, Compute(user, rights with { IsEffective = true }, out _, out _));
        Assert.Equal(Errno.None, Compute(user, rights, out next, out _));
        Assert.Equal(s_owner, next.Permitted);
    }

    [Fact]
    public void Exec_SetUserIdWithCapabilities_HasOnlyThose()
    {
        ProgramRights rights = new() { UserId = 0, HasCapabilities = true, Permitted = s_kill, IsEffective = true };
        Assert.Equal(Errno.None, Compute(User, rights, out Credentials next, out _));
        Assert.Equal((0u, s_kill), (next.EffectiveUserId, next.Effective));
    }

    /// <summary>The number of any thread stands for its process, but where the process itself is to be named.</summary>
    [Fact]
    public void Calls_ByTheNumberOfAThread_MeanItsProcess()
    {
        Guest guest = new();
        guest.MakeThread(child => child.Call(SyscallNumber.pause));
        guest.Main.Call(SyscallNumber.getpgid, 2).Call(SyscallNumber.getsid, 2).Call(SyscallNumber.kill, 2)
            .Call(SyscallNumber.setpgid, 2).Call(SyscallNumber.setpgid, 3).Call(SyscallNumber.prlimit64, 2, 7, 0, Guest.Data)
            .Call(SyscallNumber.exit_group);
        guest.Run();
        Assert.Equal([1, 1, 0, -(long)Errno.EINVAL, -(long)Errno.ESRCH, 0], guest.Main.Results[^6..]);
    }

    private static Errno Compute(Credentials old, ProgramRights rights, out Credentials next, out bool isSecure) =>
        ExecCredentials.Compute(old, in rights, mayGain: true, keepsIds: true, out next, out isSecure);
}

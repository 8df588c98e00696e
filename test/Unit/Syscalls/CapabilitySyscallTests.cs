using Semitone.Abi;
using Semitone.Tasks;

namespace Semitone.Unit.Syscalls;

/// <summary>Capabilities: who has which, and what changes that.</summary>
public sealed class CapabilitySyscallTests
{
    private const ulong Header = Caller.Buffer;
    private const ulong Data = Caller.Buffer + 0x100;
    private const uint Version3 = 0x2008_0522;

    private static readonly ulong s_setUid = CapabilitySet.Of(Capability.CAP_SETUID).Bits;
    private static readonly ulong s_kill = CapabilitySet.Of(Capability.CAP_KILL).Bits;
    private static readonly ulong s_owner = CapabilitySet.Of(Capability.CAP_FOWNER).Bits;

    private readonly Caller _caller = new();

    [Fact]
    public void Capset_FewerCapabilities_AreWhatCapgetTellsAndCannotBeHadBack() => _caller.Run(_ =>
    {
        Assert.Equal(0, Set(s_setUid, s_setUid | s_kill, 0));
        Assert.Equal((s_setUid, s_setUid | s_kill, 0UL), Get());
        Assert.Equal(0, Set(s_kill, s_kill, 0));
        Assert.Equal(-(long)Errno.EPERM, Set(s_kill, s_kill | s_setUid, 0));
        Assert.Equal(-(long)Errno.EPERM, Set(s_setUid, s_kill, 0));
        Assert.Equal((s_kill, s_kill, 0UL), Get());
    });

    [Fact]
    public void Capset_Inheritable_IsBoundedByTheBoundingSet() => _caller.Run(_ =>
    {
        ulong all = CapabilitySet.All.Bits;
        _caller.Succeeds(SyscallNumber.prctl, (ulong)PrctlOption.PR_CAPBSET_DROP, (ulong)Capability.CAP_KILL);
        Assert.Equal(0, _caller.Call(SyscallNumber.prctl, (ulong)PrctlOption.PR_CAPBSET_READ, (ulong)Capability.CAP_KILL));
        Assert.Equal(-(long)Errno.EPERM, Set(all, all, s_kill));
        Assert.Equal(0, Set(all, all, s_owner));
    });

    [Fact]
    public void Ambient_Raised_NeedsPermittedAndInheritableAndGoesWithThem() => _caller.Run(_ =>
    {
        const ulong IsSet = (ulong)AmbientOperation.PR_CAP_AMBIENT_IS_SET;
        const ulong Raise = (ulong)AmbientOperation.PR_CAP_AMBIENT_RAISE;
        const ulong Owner = (ulong)Capability.CAP_FOWNER;
        ulong all = CapabilitySet.All.Bits;
        _caller.Fails(Errno.EPERM, SyscallNumber.prctl, (ulong)PrctlOption.PR_CAP_AMBIENT, Raise, Owner);
        Assert.Equal(0, Set(all, all, s_owner));
        _caller.Succeeds(SyscallNumber.prctl, (ulong)PrctlOption.PR_CAP_AMBIENT, Raise, Owner);
        Assert.Equal(1, _caller.Call(SyscallNumber.prctl, (ulong)PrctlOption.PR_CAP_AMBIENT, IsSet, Owner));
        Assert.Equal(0, Set(all, all, 0));
        Assert.Equal(0, _caller.Call(SyscallNumber.prctl, (ulong)PrctlOption.PR_CAP_AMBIENT, IsSet, Owner));
        _caller.Fails(Errno.EINVAL, SyscallNumber.prctl, (ulong)PrctlOption.PR_CAP_AMBIENT, Raise, Owner, 1);
    });

    [Fact]
    public void Setresuid_AwayFromRoot_TakesAllUnlessTheyAreKept() => _caller.Run(_ =>
    {
        _caller.Succeeds(SyscallNumber.setresuid, ulong.MaxValue, 1000, ulong.MaxValue);
        Assert.Equal((0UL, CapabilitySet.All.Bits, 0UL), Get());
        _caller.Succeeds(SyscallNumber.setresuid, ulong.MaxValue, 0, ulong.MaxValue);
        Assert.Equal(CapabilitySet.All.Bits, Get().Effective);
        _caller.Succeeds(SyscallNumber.prctl, (ulong)PrctlOption.PR_SET_KEEPCAPS, 1);
        _caller.Succeeds(SyscallNumber.setresuid, 1000, 1000, 1000);
        Assert.Equal((0UL, CapabilitySet.All.Bits, 0UL), Get());
        Assert.Equal(0, Set(s_setUid, s_setUid, 0));
        _caller.Succeeds(SyscallNumber.setuid, 0);
        Assert.Equal((s_setUid, s_setUid, 0UL), Get());
        _caller.Succeeds(SyscallNumber.prctl, (ulong)PrctlOption.PR_SET_KEEPCAPS, 0);
        _caller.Succeeds(SyscallNumber.setuid, 1000);
        Assert.Equal((0UL, 0UL, 0UL), Get());
        _caller.Fails(Errno.EPERM, SyscallNumber.setuid, 0);
    });

    [Fact]
    public void Setfsuid_AnotherUser_TakesThoseOfFiles() => _caller.Run(_ =>
    {
        _caller.Call(SyscallNumber.setfsuid, 1000);
        Assert.Equal(CapabilitySet.All.Bits & ~CapabilitySet.OfFiles.Bits, Get().Effective);
        _caller.Call(SyscallNumber.setfsuid, 0);
        Assert.Equal(CapabilitySet.All.Bits, Get().Effective);
    });

    [Theory]
    [InlineData(SyscallNumber.sethostname)]
    [InlineData(SyscallNumber.setgroups)]
    [InlineData(SyscallNumber.chroot)]
    [InlineData(SyscallNumber.mknod)]
    public void Call_RootWithoutTheCapability_IsNotPermitted(SyscallNumber number) => _caller.Run(_ =>
    {
        const ulong CharacterDevice = 0x2180;
        ulong path = number == SyscallNumber.mknod ? _caller.Text("/tmp/device") : _caller.Text("/tmp");
        Assert.Equal(0, Set(0, 0, 0));
        _caller.Fails(Errno.EPERM, number, number is SyscallNumber.chroot or SyscallNumber.mknod ? path : 0, CharacterDevice);
    });

    [Fact]
    public void Open_RootWithoutTheCapability_IsBoundByPermissions() => _caller.Run(_ =>
    {
        _caller.Open("/tmp/closed", OpenFlags.O_CREAT | OpenFlags.O_WRONLY, 0);
        _caller.Open("/tmp/closed", OpenFlags.O_RDWR);
        Assert.Equal(0, Set(CapabilitySet.Of(Capability.CAP_DAC_READ_SEARCH).Bits, CapabilitySet.All.Bits, 0));
        _caller.Open("/tmp/closed", OpenFlags.O_RDONLY);
        _caller.Fails(Errno.EACCES, SyscallNumber.open, _caller.Text("/tmp/closed"), (ulong)OpenFlags.O_RDWR);
        Assert.Equal(0, Set(0, CapabilitySet.All.Bits, 0));
        _caller.Fails(Errno.EACCES, SyscallNumber.open, _caller.Text("/tmp/closed"), (ulong)OpenFlags.O_RDONLY);
    });

    [Fact]
    public void Execve_AsRoot_GivesWhatTheBoundingSetHas()
    {
        _caller.Run(_ =>
        {
            _caller.Succeeds(SyscallNumber.prctl, (ulong)PrctlOption.PR_CAPBSET_DROP, (ulong)Capability.CAP_KILL);
            _caller.Succeeds(SyscallNumber.prctl, (ulong)PrctlOption.PR_SET_KEEPCAPS, 1);
            Assert.Equal(0, Set(0, 0, 0));
            Credentials next = AfterExec(_caller.Process.Credentials);
            Assert.Equal(CapabilitySet.All & ~CapabilitySet.Of(Capability.CAP_KILL), next.Effective);
            Assert.Equal(next.Effective, next.Permitted);
            Assert.Equal(SecureBits.None, next.SecureBits);
            Credentials ofUser = AfterExec(next with
            {
                RealUserId = 1000,
                EffectiveUserId = 1000,
                Ambient = CapabilitySet.Of(Capability.CAP_FOWNER)
            });
            Assert.Equal(CapabilitySet.Of(Capability.CAP_FOWNER), ofUser.Effective);
            Assert.Equal(ofUser.Effective, ofUser.Permitted);
        });
    }

    /// <summary>As a program without any rights of its own is executed.</summary>
    private static Credentials AfterExec(Credentials credentials)
    {
        Assert.Equal(
            Errno.None, ExecCredentials.Compute(credentials, default, mayGain: true, keepsIds: true, out Credentials next, out _));
        return next;
    }

    [Fact]
    public void SecureBits_Locked_StayAsTheyAre() => _caller.Run(_ =>
    {
        const ulong Locked = (ulong)(SecureBits.SECBIT_NOROOT | SecureBits.SECBIT_NOROOT_LOCKED);
        _caller.Fails(Errno.EPERM, SyscallNumber.prctl, (ulong)PrctlOption.PR_SET_SECUREBITS, 1 << 20);
        _caller.Succeeds(SyscallNumber.prctl, (ulong)PrctlOption.PR_SET_SECUREBITS, Locked);
        _caller.Fails(Errno.EPERM, SyscallNumber.prctl, (ulong)PrctlOption.PR_SET_SECUREBITS, (ulong)SecureBits.SECBIT_NOROOT_LOCKED);
        _caller.Fails(Errno.EPERM, SyscallNumber.prctl, (ulong)PrctlOption.PR_SET_SECUREBITS, 0);
        Assert.Equal((long)Locked, _caller.Call(SyscallNumber.prctl, (ulong)PrctlOption.PR_GET_SECUREBITS));
    });

    [Fact]
    public void Status_TellsTheSets() => _caller.Run(_ =>
    {
        Assert.Equal(0, Set(s_kill, s_kill | s_owner, s_owner));
        string status = _caller.ReadFile("/proc/self/status");
        Assert.Contains("CapInh:\t0000000000000008\nCapPrm:\t0000000000000028\nCapEff:\t0000000000000020\nCapBnd:\t000001ffffffffff\n",
            status, StringComparison.Ordinal);
    });

    [Theory]
    [InlineData(PrctlOption.PR_SET_KEEPCAPS, 2UL, 0UL, Errno.EINVAL)]
    [InlineData(PrctlOption.PR_CAPBSET_READ, 41UL, 0UL, Errno.EINVAL)]
    [InlineData(PrctlOption.PR_CAPBSET_DROP, 41UL, 0UL, Errno.EINVAL)]
    [InlineData(PrctlOption.PR_GET_NO_NEW_PRIVS, 1UL, 0UL, Errno.EINVAL)]
    [InlineData(PrctlOption.PR_SET_NO_NEW_PRIVS, 1UL, 1UL, Errno.EINVAL)]
    [InlineData(PrctlOption.PR_SET_THP_DISABLE, 0UL, 1UL, Errno.EINVAL)]
    [InlineData(PrctlOption.PR_GET_THP_DISABLE, 1UL, 0UL, Errno.EINVAL)]
    [InlineData(PrctlOption.PR_MCE_KILL, 1UL, 3UL, Errno.EINVAL)]
    [InlineData(PrctlOption.PR_MCE_KILL_GET, 1UL, 0UL, Errno.EINVAL)]
    [InlineData(PrctlOption.PR_SET_TIMING, 1UL, 0UL, Errno.EINVAL)]
    [InlineData(PrctlOption.PR_GET_CHILD_SUBREAPER, 8UL, 0UL, Errno.EFAULT)]
    public void Prctl_WrongArgument_IsRefused(PrctlOption option, ulong first, ulong second, Errno expected) =>
        _caller.Run(_ => _caller.Fails(expected, SyscallNumber.prctl, (ulong)option, first, second));

    [Fact]
    public void Membarrier_Private_NeedsARegistrationOfItsKind() => _caller.Run(_ =>
    {
        _caller.Fails(Errno.EPERM, SyscallNumber.membarrier, (ulong)MembarrierCommand.MEMBARRIER_CMD_PRIVATE_EXPEDITED);
        _caller.Succeeds(SyscallNumber.membarrier, (ulong)MembarrierCommand.MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
        _caller.Succeeds(SyscallNumber.membarrier, (ulong)MembarrierCommand.MEMBARRIER_CMD_PRIVATE_EXPEDITED);
        _caller.Fails(Errno.EPERM, SyscallNumber.membarrier, (ulong)MembarrierCommand.MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE);
        _caller.Fails(Errno.EINVAL, SyscallNumber.membarrier, 3);
        _caller.Fails(Errno.EINVAL, SyscallNumber.membarrier, 1, 1);
    });

    private long Set(ulong effective, ulong permitted, ulong inheritable)
    {
        _caller.Guest.Write(Header, Version3);
        _caller.Guest.Write(Header + 4, 0);
        ulong[] sets = [effective, permitted, inheritable];
        for (uint i = 0; i < sets.Length; i++)
        {
            _caller.Guest.Write(Data + (i * 4), (uint)sets[i]);
            _caller.Guest.Write(Data + 12 + (i * 4), (uint)(sets[i] >> 32));
        }

        return _caller.Call(SyscallNumber.capset, Header, Data);
    }

    private (ulong Effective, ulong Permitted, ulong Inheritable) Get()
    {
        _caller.Guest.Write(Header, Version3);
        _caller.Guest.Write(Header + 4, 0);
        _caller.Succeeds(SyscallNumber.capget, Header, Data);
        return (Join(0), Join(1), Join(2));

        ulong Join(uint index) =>
            _caller.Guest.Read<uint>(Data + (index * 4)) | ((ulong)_caller.Guest.Read<uint>(Data + 12 + (index * 4)) << 32);
    }
}

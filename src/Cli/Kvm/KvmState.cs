namespace Semitone.Cli.Kvm;

/// <summary>The kinds of <see cref="KvmAnswer"/>.</summary>
internal enum KvmState
{
    Usable,

    /// <summary>There is no such device: nothing that anybody would wonder about.</summary>
    Absent,

    /// <summary>It may not be opened by this user.</summary>
    Forbidden,

    /// <summary>Not now: another hypervisor has the CPU, or the host is short of something.</summary>
    Busy,

    /// <summary>The probe did not come to an end in its time.</summary>
    Hung,

    /// <summary>It does not do what KVM does on a real CPU.</summary>
    Broken,
}

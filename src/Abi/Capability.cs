namespace Semitone.Abi;

/// <summary>The privileges that the superuser's power is divided into (capabilities(7)).</summary>
public enum Capability : byte
{
    CAP_CHOWN = 0,
    CAP_DAC_OVERRIDE = 1,
    CAP_DAC_READ_SEARCH = 2,
    CAP_FOWNER = 3,
    CAP_FSETID = 4,
    CAP_KILL = 5,
    CAP_SETGID = 6,
    CAP_SETUID = 7,
    CAP_SETPCAP = 8,
    CAP_LINUX_IMMUTABLE = 9,
    CAP_NET_BIND_SERVICE = 10,
    CAP_NET_BROADCAST = 11,
    CAP_NET_ADMIN = 12,
    CAP_NET_RAW = 13,
    CAP_IPC_LOCK = 14,
    CAP_IPC_OWNER = 15,
    CAP_SYS_MODULE = 16,
    CAP_SYS_RAWIO = 17,
    CAP_SYS_CHROOT = 18,
    CAP_SYS_PTRACE = 19,
    CAP_SYS_PACCT = 20,
    CAP_SYS_ADMIN = 21,
    CAP_SYS_BOOT = 22,
    CAP_SYS_NICE = 23,
    CAP_SYS_RESOURCE = 24,
    CAP_SYS_TIME = 25,
    CAP_SYS_TTY_CONFIG = 26,
    CAP_MKNOD = 27,
    CAP_LEASE = 28,
    CAP_AUDIT_WRITE = 29,
    CAP_AUDIT_CONTROL = 30,
    CAP_SETFCAP = 31,
    CAP_MAC_OVERRIDE = 32,
    CAP_MAC_ADMIN = 33,
    CAP_SYSLOG = 34,
    CAP_WAKE_ALARM = 35,
    CAP_BLOCK_SUSPEND = 36,
    CAP_AUDIT_READ = 37,
    CAP_PERFMON = 38,
    CAP_BPF = 39,
    CAP_CHECKPOINT_RESTORE = 40,
}

/// <summary>A set of capabilities: bit N stands for capability N.</summary>
public readonly record struct CapabilitySet(ulong Bits)
{
    /// <summary>The number of the last capability there is (/proc/sys/kernel/cap_last_cap).</summary>
    public const int Last = (int)Capability.CAP_CHECKPOINT_RESTORE;

    public static CapabilitySet Empty => default;

    /// <summary>Every capability there is.</summary>
    public static CapabilitySet All => new((2UL << Last) - 1);

    /// <summary>
    /// Those about files that come and go with the file-system user ID (capabilities(7), "Effect of user ID changes on capabilities").
    /// </summary>
    public static CapabilitySet OfFiles =>
        Of(Capability.CAP_CHOWN) | Of(Capability.CAP_DAC_OVERRIDE) | Of(Capability.CAP_DAC_READ_SEARCH) | Of(Capability.CAP_FOWNER)
        | Of(Capability.CAP_FSETID) | Of(Capability.CAP_LINUX_IMMUTABLE) | Of(Capability.CAP_MKNOD) | Of(Capability.CAP_MAC_OVERRIDE);

    public static CapabilitySet Of(Capability capability) => new(1UL << (int)capability);

    public bool Contains(Capability capability) => ((Bits >> (int)capability) & 1) != 0;

    public bool IsSubsetOf(CapabilitySet other) => (Bits & ~other.Bits) == 0;

    public static CapabilitySet operator |(CapabilitySet left, CapabilitySet right) => new(left.Bits | right.Bits);

    public static CapabilitySet operator &(CapabilitySet left, CapabilitySet right) => new(left.Bits & right.Bits);

    public static CapabilitySet operator ~(CapabilitySet set) => new(~set.Bits);
}

/// <summary>
/// How user IDs and capabilities hang together (capabilities(7), "The securebits flags"). The bit above each flag locks it.
/// </summary>
[Flags]
public enum SecureBits : uint
{
    None = 0,
    SECBIT_NOROOT = 0x1,
    SECBIT_NOROOT_LOCKED = 0x2,
    SECBIT_NO_SETUID_FIXUP = 0x4,
    SECBIT_NO_SETUID_FIXUP_LOCKED = 0x8,
    SECBIT_KEEP_CAPS = 0x10,
    SECBIT_KEEP_CAPS_LOCKED = 0x20,
    SECBIT_NO_CAP_AMBIENT_RAISE = 0x40,
    SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED = 0x80,
}

namespace Semitone.Cli.Qemu;

/// <summary>What runs the guest's instructions.</summary>
public enum Accelerator
{
    /// <summary>The CPU itself, by /dev/kvm.</summary>
    Kvm,

    /// <summary>QEMU's translator.</summary>
    Tcg,
}

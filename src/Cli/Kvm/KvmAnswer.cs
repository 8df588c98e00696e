using System.Collections.Immutable;

namespace Semitone.Cli.Kvm;

/// <summary>Whether KVM runs our kind of code here.</summary>
/// <param name="State">Yes, or what kind of no.</param>
/// <param name="Reason">Why not, as the rest of a sentence; empty for yes.</param>
/// <param name="Removed">Flags of QEMU's <c>-cpu</c> for what KVM promises and cannot do, such as <c>arch-capabilities</c>: without them it
/// runs.</param>
internal sealed record KvmAnswer(KvmState State, string Reason, ImmutableArray<string> Removed)
{
    public static readonly KvmAnswer Usable = new(KvmState.Usable, "", []);

    public bool IsUsable => State == KvmState.Usable;

    public static KvmAnswer No(KvmState state, string reason) => new(state, reason, []);
}

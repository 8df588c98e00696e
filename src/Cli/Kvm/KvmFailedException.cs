namespace Semitone.Cli.Kvm;

/// <summary>KVM refused what our machines need of it.</summary>
internal sealed class KvmFailedException(KvmState state, string message) : Exception(message)
{
    public KvmState State => state;
}

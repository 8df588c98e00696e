namespace Semitone.Fakes;

/// <summary>The kernel switched the fake machine off.</summary>
public sealed class MachinePoweredOffException : Exception
{
    public MachinePoweredOffException(byte status)
        : base($"The machine was powered off with status {status}.")
    {
        Status = status;
    }

    public byte Status { get; }
}

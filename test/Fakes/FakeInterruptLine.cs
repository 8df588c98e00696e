using Semitone.Machine;

namespace Semitone.Fakes;

/// <summary>An interrupt that a test raises.</summary>
public sealed class FakeInterruptLine : IInterruptLine
{
    public bool IsRaised { get; private set; }

    public void Raise() => IsRaised = true;

    public bool TryTake()
    {
        bool wasRaised = IsRaised;
        IsRaised = false;
        return wasRaised;
    }
}

namespace Semitone.Fakes;

/// <summary>
/// What a call of the fake machine throws when a test asked for it (<see cref="FakeFrameAllocator.ThrowAfter"/>): any bug between two
/// steps.
/// </summary>
public sealed class InjectedException : Exception
{
}

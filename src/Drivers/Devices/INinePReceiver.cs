namespace Semitone.Drivers;

/// <summary>
/// Who made the requests of a <see cref="NinePDevice"/>. Called in interrupt context: takes note, and posts what is to be done.
/// </summary>
[NonAllocating]
public interface INinePReceiver
{
    /// <summary>An answer has come.</summary>
    /// <param name="slot">The request's.</param>
    /// <param name="length">Bytes of the answer, as the device says; no more than there was room for.</param>
    void OnReply(int slot, int length);

    /// <summary>The device has failed: no answer comes any more to whatever is under way.</summary>
    void OnFailure();
}

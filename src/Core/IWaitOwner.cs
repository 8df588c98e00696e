namespace Semitone.Core;

/// <summary>
/// Whose waits they are, told when what is left of a call goes on after one: files ask who makes the call that they serve.
/// </summary>
public interface IWaitOwner
{
    /// <summary>A wait is over, and the call goes on.</summary>
    void OnResuming();

    /// <summary>The call is over, or waits again.</summary>
    void OnResumed();
}

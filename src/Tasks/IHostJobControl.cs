using Semitone.Abi;

namespace Semitone.Tasks;

/// <summary>A shell outside of the machine that controls the first process as its job.</summary>
public interface IHostJobControl
{
    /// <summary>Takes note that a signal has stopped the first process; SIGCONT lets it go on.</summary>
    void OnStopped(Signal signal);
}

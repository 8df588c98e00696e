using Semitone.Abi;
using Semitone.Files;
using Semitone.HostLink;
using Semitone.Tasks;

namespace Semitone.Kernel;

/// <summary>
/// Tells the host's side of the link when a signal has stopped the first process: the command stops with it, and the shell of the host goes
/// on.
/// </summary>
internal sealed class HostJobControl(ConsoleStreams streams) : IHostJobControl
{
    public void OnStopped(Signal signal) => streams.Tell(ControlKind.Stopped, [(byte)signal]);
}

using System.Diagnostics;

namespace Semitone.Apps;

/// <summary>Processes that do nothing but take the host's processors away.</summary>
internal sealed class BusyLoops : IDisposable
{
    private readonly List<Process> _loops = [];

    public BusyLoops(int count)
    {
        for (int i = 0; i < count; i++)
        {
            // They end with us, however we do.
            _loops.Add(Process.Start("/usr/bin/setpriv", ["--pdeathsig", "KILL", "/bin/sh", "-c", "while :; do :; done"]));
        }
    }

    public void Dispose()
    {
        foreach (Process loop in _loops)
        {
            loop.Kill();
            loop.Dispose();
        }
    }
}

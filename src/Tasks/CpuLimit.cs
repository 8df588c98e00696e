using Semitone.Abi;
using Semitone.Core;

namespace Semitone.Tasks;

/// <summary>
/// RLIMIT_CPU of a process (getrlimit(2)): SIGXCPU at the soft limit and each second from then on, SIGKILL at the hard one.
/// </summary>
internal sealed class CpuLimit : KernelTimer
{
    private readonly Process _process;

    public CpuLimit(Process process)
    {
        _process = process;
    }

    /// <summary>Takes over the limits of the process.</summary>
    public void Update()
    {
        Rlimit limit = _process.Limits[RlimitResource.RLIMIT_CPU];
        if (limit.rlim_cur == Rlimit.RLIM_INFINITY)
        {
            _process.CpuClock.Cancel(this);
        }
        else
        {
            _process.CpuClock.Arm(this, ToNs(limit.rlim_cur));
        }
    }

    /// <inheritdoc/>
    protected override void OnExpired()
    {
        ref Rlimit limit = ref _process.Limits[RlimitResource.RLIMIT_CPU];
        long usedNs = _process.CpuTimeNs;
        if (limit.rlim_max != Rlimit.RLIM_INFINITY && usedNs >= ToNs(limit.rlim_max))
        {
            _process.Kill(Signal.SIGKILL);
            return;
        }

        // The soft limit moves on, as the program can see on Linux, too: so it comes to the hard one.
        _process.SendFromKernel(Signal.SIGXCPU);
        limit.rlim_cur = (ulong)(usedNs / TimeUnits.NsPerSecond) + 1;
        _process.CpuClock.ArmAgain(this, ToNs(limit.rlim_cur));
    }

    private static long ToNs(ulong seconds) =>
        seconds >= long.MaxValue / TimeUnits.NsPerSecond ? long.MaxValue : (long)seconds * TimeUnits.NsPerSecond;
}

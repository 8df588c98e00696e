using System.Runtime.InteropServices;

namespace Semitone.Abi;

/// <summary>How somebody wants to be told of an event (sigevent(3type)).</summary>
public enum SigEventNotify
{
    SIGEV_SIGNAL = 0,
    SIGEV_NONE = 1,
    SIGEV_THREAD = 2,
    SIGEV_THREAD_ID = 4,
}

/// <summary>Whom to tell of an event, and how (sigevent(3type)).</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
public struct SigEvent
{
    [Trace(TraceFormat.Hex)]
    public ulong sigev_value;
    public Signal sigev_signo;
    public SigEventNotify sigev_notify;
    [Trace(TraceFormat.Pid)]
    public int sigev_notify_thread_id;
}

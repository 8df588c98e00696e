namespace Semitone.Abi;

/// <summary>Flags of a signal's action (sigaction(2)).</summary>
[Flags]
public enum SigactionFlags : ulong
{
    None = 0,
    SA_NOCLDSTOP = 0x1,
    SA_NOCLDWAIT = 0x2,
    SA_SIGINFO = 0x4,
    SA_UNSUPPORTED = 0x400,
    SA_EXPOSE_TAGBITS = 0x800,
    SA_RESTORER = 0x400_0000,
    SA_ONSTACK = 0x800_0000,
    SA_RESTART = 0x1000_0000,
    SA_NODEFER = 0x4000_0000,
    SA_RESETHAND = 0x8000_0000,
}

/// <summary>Values of a signal's handler that are no addresses (sigaction(2)).</summary>
public static class SignalHandler
{
    public const ulong SIG_DFL = 0;
    public const ulong SIG_IGN = 1;
}

/// <summary>How sigprocmask(2) changes the mask.</summary>
public enum SigprocmaskHow : uint
{
    SIG_BLOCK = 0,
    SIG_UNBLOCK = 1,
    SIG_SETMASK = 2,
}

/// <summary>State of an alternate signal stack (sigaltstack(2)).</summary>
[Flags]
public enum StackFlags : uint
{
    None = 0,
    SS_ONSTACK = 1,
    SS_DISABLE = 2,
    SS_AUTODISARM = 0x8000_0000,
}

/// <summary>Sizes of signal stacks (sigaltstack(2)).</summary>
public static class SignalStack
{
    public const int MINSIGSTKSZ = 2048;
}

/// <summary>Why a signal was sent (si_code in sigaction(2)). Codes above 0 mean something per signal.</summary>
public static class SignalCode
{
    public const int SI_USER = 0;
    public const int SI_KERNEL = 0x80;
    public const int SI_QUEUE = -1;
    public const int SI_TIMER = -2;
    public const int SI_MESGQ = -3;
    public const int SI_ASYNCIO = -4;
    public const int SI_SIGIO = -5;
    public const int SI_TKILL = -6;

    public const int ILL_ILLOPC = 1;
    public const int ILL_ILLOPN = 2;
    public const int ILL_ILLADR = 3;
    public const int ILL_ILLTRP = 4;
    public const int ILL_PRVOPC = 5;
    public const int ILL_PRVREG = 6;

    public const int FPE_INTDIV = 1;
    public const int FPE_INTOVF = 2;
    public const int FPE_FLTDIV = 3;
    public const int FPE_FLTOVF = 4;
    public const int FPE_FLTUND = 5;
    public const int FPE_FLTRES = 6;
    public const int FPE_FLTINV = 7;
    public const int FPE_FLTSUB = 8;

    public const int SEGV_MAPERR = 1;
    public const int SEGV_ACCERR = 2;
    public const int SEGV_BNDERR = 3;
    public const int SEGV_PKUERR = 4;

    public const int BUS_ADRALN = 1;
    public const int BUS_ADRERR = 2;
    public const int BUS_OBJERR = 3;

    public const int TRAP_BRKPT = 1;
    public const int TRAP_TRACE = 2;

    public const int POLL_IN = 1;
    public const int POLL_OUT = 2;

    public const int CLD_EXITED = 1;
    public const int CLD_KILLED = 2;
    public const int CLD_DUMPED = 3;
    public const int CLD_TRAPPED = 4;
    public const int CLD_STOPPED = 5;
    public const int CLD_CONTINUED = 6;
}

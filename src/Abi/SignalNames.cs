namespace Semitone.Abi;

/// <summary>What signals are called.</summary>
public static class SignalNames
{
    /// <summary>Gets a signal's name without SIG, in ASCII, for 1 to 31; empty otherwise.</summary>
    public static ReadOnlySpan<byte> GetShort(Signal signal)
    {
        // Names end with a NUL; signal 1 is the first.
        ReadOnlySpan<byte> names =
            "HUP\0INT\0QUIT\0ILL\0TRAP\0ABRT\0BUS\0FPE\0KILL\0USR1\0SEGV\0USR2\0PIPE\0ALRM\0TERM\0STKFLT\0CHLD\0"u8
            + "CONT\0STOP\0TSTP\0TTIN\0TTOU\0URG\0XCPU\0XFSZ\0VTALRM\0PROF\0WINCH\0IO\0PWR\0SYS\0"u8;
        if (signal is < Signal.SIGHUP or > Signal.SIGSYS)
        {
            return default;
        }

        for (int number = 1; number < (int)signal; number++)
        {
            names = names[(names.IndexOf((byte)0) + 1)..];
        }

        return names[..names.IndexOf((byte)0)];
    }
}

namespace Semitone.Abi;

/// <summary>
/// What a system call that a signal interrupted answers to the kernel itself. No program ever sees these numbers: the return to the guest
/// turns them into EINTR or runs the call again (signal(7), "Interruption of system calls").
/// </summary>
public static class RestartErrno
{
    /// <summary>Runs again unless a handler without SA_RESTART was called.</summary>
    public const Errno ERESTARTSYS = (Errno)512;

    /// <summary>Always runs again.</summary>
    public const Errno ERESTARTNOINTR = (Errno)513;

    /// <summary>Runs again only when no handler was called.</summary>
    public const Errno ERESTARTNOHAND = (Errno)514;

    /// <summary>Goes on by restart_syscall(2), with what is left of its time, when no handler was called.</summary>
    public const Errno ERESTART_RESTARTBLOCK = (Errno)516;
}

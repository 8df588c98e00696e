namespace Semitone.Files;

/// <summary>
/// Whoever makes the system call that is being served, as far as its changes of files depend on that; implemented where processes are.
/// </summary>
public interface IFileCaller
{
    /// <summary>
    /// Bytes that it may make a file long (RLIMIT_FSIZE in getrlimit(2)); <see cref="long.MaxValue"/> for no limit, and for the kernel
    /// itself.
    /// </summary>
    long FileSizeLimit { get; }

    /// <summary>
    /// Whether set-user-ID and set-group-ID bits survive its changes of a file's contents (CAP_FSETID in capabilities(7)).
    /// </summary>
    bool KeepsSetIdBits { get; }

    /// <summary>Whether it may read the kernel's log (CAP_SYSLOG in capabilities(7)).</summary>
    bool ReadsLog { get; }

    /// <summary>Whose rights it has to files; null for the kernel itself.</summary>
    FileCredentials? Credentials { get; }

    /// <summary>Tells it that a file would have become longer than it may make one (SIGXFSZ).</summary>
    void OnFileTooLarge();
}

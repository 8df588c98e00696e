namespace Semitone.Apps;

/// <summary>A folder as the root of a program that runs on the host's own kernel.</summary>
internal static class NativeRoot
{
    /// <summary>Gives the start of a command that enters a root; others than root get that right from a user name space.</summary>
    public static IReadOnlyList<string> Enter(string root) =>
        Environment.IsPrivilegedProcess ? ["/usr/sbin/chroot", root] : ["/usr/bin/unshare", "-r", "/usr/sbin/chroot", root];
}

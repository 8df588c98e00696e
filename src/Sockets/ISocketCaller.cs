using Semitone.Abi;
using Semitone.Files;

namespace Semitone.Sockets;

/// <summary>Whoever makes the system call that a socket serves; implemented where processes are.</summary>
public interface ISocketCaller
{
    /// <summary>The process's number, and its effective user and group: what the other end is told.</summary>
    PeerCredentials Credentials { get; }

    /// <summary>The supplementary groups; never changed in place.</summary>
    uint[] Groups { get; }

    /// <summary>How the caller sees the file system, in which addresses of AF_UNIX may lie.</summary>
    FileSystemContext FileSystem { get; }

    /// <summary>Open files that it may have (RLIMIT_NOFILE), and its user in flight.</summary>
    ulong DescriptorLimit { get; }

    bool Has(Capability capability);
}

/// <summary>Who is, or was, at the other end of a socket.</summary>
/// <param name="Pid">0 for nobody who could be told.</param>
public readonly record struct PeerCredentials(int Pid, uint UserId, uint GroupId)
{
    /// <summary>The user and group that stand for those who cannot be told (user_namespaces(7)).</summary>
    private const uint Overflow = 65534;

    /// <summary>What is told of a sender who did not say who it was.</summary>
    public static PeerCredentials Unknown => new(0, Overflow, Overflow);

    public Ucred ToUcred() => new() { pid = Pid, uid = UserId, gid = GroupId };
}

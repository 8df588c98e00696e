using Semitone.Abi;
using Semitone.Files;
using Semitone.Sockets;

namespace Semitone.Tasks;

/// <summary>A thread, as sockets see it.</summary>
public sealed class SocketCaller(GuestThread thread) : ISocketCaller
{
    /// <inheritdoc/>
    public PeerCredentials Credentials
    {
        get
        {
            Credentials credentials = thread.Credentials;
            return new PeerCredentials(thread.Process.Pid, credentials.EffectiveUserId, credentials.EffectiveGroupId);
        }
    }

    /// <inheritdoc/>
    public uint[] Groups => thread.Credentials.Groups;

    /// <inheritdoc/>
    public FileSystemContext FileSystem => thread.FileSystem;

    /// <inheritdoc/>
    public ulong DescriptorLimit => thread.Process.Limits[RlimitResource.RLIMIT_NOFILE].rlim_cur;

    /// <inheritdoc/>
    public bool Has(Capability capability) => thread.Credentials.Has(capability);
}

using Semitone.Abi;
using Semitone.Files;

namespace Semitone.Tasks;

/// <content>What file systems need to know of processes, and what they tell them.</content>
public sealed partial class SystemState : IFileCaller
{
    /// <inheritdoc/>
    public long FileSizeLimit =>
        CallingThread is { } thread
            ? (long)Math.Min(thread.Process.Limits[RlimitResource.RLIMIT_FSIZE].rlim_cur, long.MaxValue)
            : long.MaxValue;

    /// <inheritdoc/>
    public bool KeepsSetIdBits => CallingThread is not { } thread || thread.FileSystem.Credentials.Has(Capability.CAP_FSETID);

    /// <inheritdoc/>
    public bool ReadsLog => CallingThread is not { } thread || thread.Credentials.Has(Capability.CAP_SYSLOG);

    /// <inheritdoc/>
    FileCredentials? IFileCaller.Credentials => CallingThread?.FileSystem.Credentials;

    /// <inheritdoc/>
    /// <remarks>As if the thread had sent the signal to itself: that is what si_code says under Linux.</remarks>
    public void OnFileTooLarge()
    {
        if (CallingThread is { } thread)
        {
            thread.Send(SignalInfo.FromUser(Signal.SIGXFSZ, SignalCode.SI_USER, thread.Process.Pid, thread.Credentials.RealUserId));
        }
    }

    /// <summary>Tells whether there is such a thread, process or group.</summary>
    public bool Exists(OwnerType type, int id)
    {
        if (type != OwnerType.F_OWNER_PGRP)
        {
            return Threads.TryGet(id, out _);
        }

        for (int other = 1; Threads.TryGetNext(other, out other, out GuestThread? thread); other++)
        {
            if (thread.Process.ProcessGroupId == id)
            {
                return true;
            }
        }

        return false;
    }
}

using Semitone.Abi;
using Semitone.Files;

namespace Semitone.Tasks;

/// <content>What file systems need to know of processes, and what they tell them.</content>
public sealed partial class SystemState : IFileCaller, IFileSignalTarget
{
    /// <inheritdoc/>
    public long FileSizeLimit =>
        CurrentThread is { } thread
            ? (long)Math.Min(thread.Process.Limits[RlimitResource.RLIMIT_FSIZE].rlim_cur, long.MaxValue)
            : long.MaxValue;

    /// <inheritdoc/>
    public bool KeepsSetIdBits => CurrentThread is not { } thread || thread.Process.FileSystem.Credentials.Has(Capability.CAP_FSETID);

    /// <inheritdoc/>
    /// <remarks>As if the thread had sent the signal to itself: that is what si_code says under Linux.</remarks>
    public void OnFileTooLarge()
    {
        if (CurrentThread is { } thread)
        {
            thread.Send(SignalInfo.FromUser(Signal.SIGXFSZ, SignalCode.SI_USER, thread.Process.Pid, thread.Process.Credentials.RealUserId));
        }
    }

    /// <inheritdoc/>
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

    /// <inheritdoc/>
    public void Send(OwnerType type, int id, in SigInfo info, FileCredentials sender)
    {
        if (type == OwnerType.F_OWNER_PGRP)
        {
            for (int other = 1; Threads.TryGetNext(other, out other, out GuestThread? member); other++)
            {
                if (member.Tid == member.Process.Pid && member.Process.ProcessGroupId == id && MaySend(sender, member))
                {
                    member.Process.Send(in info);
                }
            }
        }
        else if (Threads.TryGet(id, out GuestThread? thread) && MaySend(sender, thread))
        {
            if (type == OwnerType.F_OWNER_TID)
            {
                thread.Send(in info);
            }
            else
            {
                thread.Process.Send(in info);
            }
        }
    }

    private static bool MaySend(FileCredentials sender, GuestThread target)
    {
        Credentials credentials = target.Process.Credentials;
        return !target.Process.HasEnded
            && (sender.Has(Capability.CAP_KILL) || sender.UserId == credentials.RealUserId || sender.UserId == credentials.SavedUserId);
    }
}

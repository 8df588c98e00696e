using Semitone.Abi;
using Semitone.Files;

namespace Semitone.Tasks;

/// <summary>Whom a thread acts as, and what it may do to others (credentials(7)).</summary>
/// <remarks>
/// Credentials never change in place, so that threads share them until one of them gets others: a change is one of the calling thread's
/// alone. C libraries make one of the whole process of it.
/// </remarks>
public sealed partial class GuestThread
{
    /// <summary>Whom it acts as.</summary>
    public Credentials Credentials { get; private set; }

    /// <summary>Whether PR_SET_NO_NEW_PRIVS was set; nothing takes it back.</summary>
    public bool HasNoNewPrivileges { get; set; }

    /// <summary>What its process gets when the thread that made it ends (PR_SET_PDEATHSIG).</summary>
    public Signal ParentDeathSignal { get; set; }

    /// <summary>Whether threads of another process have its root and working directory, and could change them at any time.</summary>
    internal bool SharesPlaceWithOthers
    {
        get
        {
            for (int id = 1; Process.System.Threads.TryGetNext(id, out id, out GuestThread? other); id++)
            {
                if (other.Process != Process && !other.HasEnded && other.FileSystem.Place == FileSystem.Place)
                {
                    return true;
                }
            }

            return false;
        }
    }

    /// <summary>Acts with other credentials from now on.</summary>
    public void SetCredentials(Credentials credentials)
    {
        FileCredentials ofFiles = credentials.ToFileCredentials();
        Credentials old = Credentials;
        FileSystem.Credentials = ofFiles;
        Credentials = credentials;
        bool isSomebodyElse = old.EffectiveUserId != credentials.EffectiveUserId || old.EffectiveGroupId != credentials.EffectiveGroupId
            || old.FileSystemUserId != credentials.FileSystemUserId || old.FileSystemGroupId != credentials.FileSystemGroupId;
        if (isSomebodyElse || !credentials.Permitted.IsSubsetOf(old.Permitted))
        {
            // What the memory holds is not the new user's to see (prctl(2), PR_SET_DUMPABLE and PR_SET_PDEATHSIG).
            Process.Dumpable = 0;
            ParentDeathSignal = Signal.None;
        }
    }

    /// <summary>Tells whether it may look into another thread (ptrace(2), "Ptrace access mode checking").</summary>
    /// <param name="byFileUser">
    /// It is looked at through files, whose user counts then (PTRACE_MODE_READ_FSCREDS); else the real one does
    /// (PTRACE_MODE_ATTACH_REALCREDS).
    /// </param>
    public bool MayInspect(GuestThread other, bool byFileUser)
    {
        if (other.Process == Process || Credentials.Has(Capability.CAP_SYS_PTRACE))
        {
            return true;
        }

        uint user = byFileUser ? Credentials.FileSystemUserId : Credentials.RealUserId;
        uint group = byFileUser ? Credentials.FileSystemGroupId : Credentials.RealGroupId;
        CapabilitySet own = byFileUser ? Credentials.Effective : Credentials.Permitted;
        return other.Credentials.IsWholly(user, group)
            && (other.Process.Dumpable == 1 || other.Process.HasEnded)
            && other.Credentials.Permitted.IsSubsetOf(own);
    }

    /// <summary>Tells whether it may ask for and set the limits of another thread's process (prlimit(2), "Permissions").</summary>
    public bool MayLimit(GuestThread other) =>
        other == this
        || other.Credentials.IsWholly(Credentials.RealUserId, Credentials.RealGroupId)
        || Credentials.Has(Capability.CAP_SYS_RESOURCE);

    /// <summary>
    /// Tells whether it may say how another thread is scheduled (setpriority(2), sched_setscheduler(2), "Permissions").
    /// </summary>
    public bool MaySchedule(GuestThread other)
    {
        uint user = Credentials.EffectiveUserId;
        return user == other.Credentials.RealUserId || user == other.Credentials.EffectiveUserId
            || Credentials.Has(Capability.CAP_SYS_NICE);
    }
}

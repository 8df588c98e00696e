using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;

namespace Semitone.Kernel;

/// <summary>Lets the boot wait for files that somebody else keeps: the executor runs until the answer is there.</summary>
internal sealed class BootFileWaiter(FileServices services, Executor executor) : WaitListener, IFileWaiter
{
    private bool _hasHeard;

    public bool MustRepeat(FileSystemContext files, ref Errno error)
    {
        if (error != InternalErrno.MustWait)
        {
            // What is asked from here on belongs to another operation.
            services.Fetches.Leave();
            return false;
        }

        if (files.TryTakeChange(out PendingChange? change))
        {
            error = change.IsOver || TryWaitForFiles(change.Ends) ? change.Result : Errno.EIO;
            return false;
        }

        if (!files.TryTakeFetch(out Inode? inode) || !TryWaitForFiles(inode.Fetches!))
        {
            error = Errno.EIO;
            return false;
        }

        services.Fetches.Resume(files.FetchBegan);
        return true;
    }

    /// <inheritdoc/>
    protected override void OnWake() => _hasHeard = true;

    private bool TryWaitForFiles(WaitQueue queue)
    {
        _hasHeard = false;
        Enlist(queue);
        long deadlineNs = executor.Clock.MonotonicNs + ShareConnector.PatienceNs;
        while (!_hasHeard && executor.RunOnce(deadlineNs))
        {
        }

        LeaveQueues();
        return _hasHeard;
    }
}

using Semitone.Abi;
using Semitone.Core;
using Semitone.Loader;
using Semitone.Memory;

namespace Semitone.Tasks;

/// <summary>The part of a process that has to do with execve(2).</summary>
public sealed partial class Process
{
    private readonly WaitQueue _threadEnds = new();
    private bool _isBecomingSingleThreaded;

    /// <summary>Replaces the program.</summary>
    /// <returns>None when the calling thread, now the only one, is at the new program's first instruction; otherwise nothing has
    /// changed.</returns>
    public Errno Load(
        GuestThread thread,
        byte[] path,
        IReadOnlyList<byte[]> arguments,
        IReadOnlyList<byte[]> environment,
        out LoadedProgram? program)
    {
        ExecRequest request = new()
        {
            Path = path,
            Arguments = arguments,
            Environment = environment,
            Uid = Credentials.RealUserId,
            EffectiveUid = Credentials.EffectiveUserId,
            Gid = Credentials.RealGroupId,
            EffectiveGid = Credentials.EffectiveGroupId,
            StackLimit = Limits[RlimitResource.RLIMIT_STACK].rlim_cur,
            Randomize = System.RandomizesAddresses && (Persona & Persona.ADDR_NO_RANDOMIZE) == 0,
        };
        Errno error = System.Loader.Load(request, new ProgramLookup(thread.FileSystem), out program, out LoadFailure failure);
        if (failure.Lacking is ProgramFile lacking && error == InternalErrno.MustWait)
        {
            thread.FileSystem.NoteFetch(lacking.Inode);
        }

        return error;
    }

    /// <summary>
    /// Ends all threads but one, which becomes the first (execve(2), "all threads other than the calling thread are destroyed").
    /// </summary>
    /// <returns>False when the process is ending.</returns>
    public async ValueTask<bool> BecomeSingleThreadedAsync(GuestThread survivor)
    {
        if (_isBecomingSingleThreaded || IsExiting)
        {
            // Another thread came first, and this one is to end.
            return false;
        }

        _isBecomingSingleThreaded = true;
        foreach (GuestThread thread in _threads)
        {
            if (thread != survivor)
            {
                thread.RequestExit();
            }
        }

        while (_threads.Count > 1 && !IsExiting)
        {
            await survivor.Waiter.WaitAsync(_threadEnds, mode: WaitMode.Uninterruptible);
        }

        _isBecomingSingleThreaded = false;
        if (IsExiting)
        {
            return false;
        }

        BecomeFirstThread(survivor);
        return true;
    }

    /// <summary>Gives the only thread that is left the number of the process.</summary>
    public void BecomeFirstThread(GuestThread survivor)
    {
        if (survivor.Tid != Pid)
        {
            // The first thread has ended, and its number was kept for this.
            System.Threads.Remove(survivor.Tid);
            System.Threads.Replace(Pid, survivor);
            survivor.Tid = Pid;
            FirstThread = survivor;
        }
    }

    /// <summary>Goes over to a program that was loaded: the old memory is left behind.</summary>
    /// <returns>None; ENOMEM, and nothing has been taken over.</returns>
    public Errno TakeProgram(GuestThread thread, LoadedProgram program)
    {
        // What other processes share with it they keep for themselves (execve(2), "Effect on process attributes"); this needs memory.
        try
        {
            if (!thread.TryUnshareFiles() || !TryUnshareHandlers())
            {
                return Errno.ENOMEM;
            }

            SetCredentials(Credentials.AfterExec());
        }
        catch (OutOfMemoryException)
        {
            return Errno.ENOMEM;
        }

        thread.ReleaseMemory();
        (program.Executable as ProgramFile)?.Inode.BeginExecution();
        (Program.Executable as ProgramFile)?.Inode.EndExecution();
        LeaveMemory();
        Program = program;
        AddressSpace = program.Space;
        TakeAddressSpace();
        ApplyLimits();
        thread.BeginProgram(program);
        DeletePosixTimers();
        Handlers.ResetForExec();
        thread.Files.CloseOnExec();
        RegisteredBarriers = default;
        ExitSignal = Signal.SIGCHLD;
        HasExecuted = true;

        // A program says by itself whether its stack is to be executable; the flag holds until then.
        Persona &= ~Persona.READ_IMPLIES_EXEC;
        Dumpable = 1;
        return Errno.None;
    }

    private bool TryUnshareHandlers()
    {
        if (Handlers.UserCount > 1)
        {
            if (!KernelHeap.HasRoom())
            {
                return false;
            }

            SignalHandlers own = new();
            own.CopyFrom(Handlers);
            Handlers.Leave();
            Handlers = own;
        }

        return true;
    }

    /// <summary>From here on what goes wrong with its pages is this process's business.</summary>
    private void TakeAddressSpace()
    {
        AddressSpace.WhenMemoryRunsOut = System.WhenMemoryRunsOut;
        AddressSpace.WhenPageIsLacking = System.WhenPageIsLacking;
    }
}

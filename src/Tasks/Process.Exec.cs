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

    /// <summary>Loads the program that is to replace the present one.</summary>
    /// <param name="lookup">Finds it, and knows whom it will act as then.</param>
    /// <param name="path">Its path, as the program is told it.</param>
    /// <param name="isPathInaccessible">See <see cref="ExecRequest.IsPathInaccessible"/>.</param>
    public Errno Load(
        GuestThread thread,
        ProgramLookup lookup,
        byte[] path,
        bool isPathInaccessible,
        IReadOnlyList<byte[]> arguments,
        IReadOnlyList<byte[]> environment,
        out LoadedProgram? program)
    {
        ExecRequest request = new()
        {
            Path = path,
            IsPathInaccessible = isPathInaccessible,
            Arguments = arguments,
            Environment = environment,
            StackLimit = Limits[RlimitResource.RLIMIT_STACK].rlim_cur,
            Randomize = System.RandomizesAddresses && (Persona & Persona.ADDR_NO_RANDOMIZE) == 0,
            RandomizesSecure = System.RandomizesAddresses,
        };
        Errno error = System.Loader.Load(request, lookup, out program, out LoadFailure failure);
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
    public Errno TakeProgram(GuestThread thread, LoadedProgram program, ProgramLookup lookup)
    {
        Credentials old = thread.Credentials;

        // What other processes share with it they keep for themselves (execve(2), "Effect on process attributes"); this needs memory.
        try
        {
            if (!thread.TryUnshareFiles() || !TryUnshareHandlers())
            {
                return Errno.ENOMEM;
            }

            thread.SetCredentials(lookup.Credentials);
        }
        catch (OutOfMemoryException)
        {
            return Errno.ENOMEM;
        }

        thread.ReleaseMemory();
        (program.Executable as ProgramFile)?.Inode.BeginExecution();
        (Program.Executable as ProgramFile)?.Inode.EndExecution();
        AddressSpace.Leave();
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
        if (lookup.IsSecure)
        {
            Persona &= ~(Persona.ADDR_NO_RANDOMIZE | Persona.ADDR_COMPAT_LAYOUT | Persona.MMAP_PAGE_ZERO);
            thread.ParentDeathSignal = Signal.None;
        }

        Dumpable = IsOpenToOthers(old, lookup) ? 1 : 0;
        return Errno.None;
    }

    /// <summary>
    /// Whether others of the same user may look into a program that was executed: it is one that its caller could read, and acts as its
    /// caller, who acted as himself (PR_SET_DUMPABLE in prctl(2)).
    /// </summary>
    private static bool IsOpenToOthers(Credentials old, ProgramLookup lookup)
    {
        Credentials next = lookup.Credentials;
        return lookup.IsReadable
            && old.RealUserId == old.EffectiveUserId && old.RealGroupId == old.EffectiveGroupId
            && old.EffectiveUserId == next.EffectiveUserId && old.EffectiveGroupId == next.EffectiveGroupId
            && old.FileSystemUserId == next.FileSystemUserId && old.FileSystemGroupId == next.FileSystemGroupId
            && next.Permitted.IsSubsetOf(old.Permitted);
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

using System.Runtime.InteropServices;

namespace Semitone.Cli.Posix;

/// <summary>A process whose standard streams are pipes to us, and which dies with us.</summary>
internal sealed class ChildProcess
{
    /// <summary>What to do when there is no QEMU.</summary>
    public const string QemuHint = "./semitone setup installs QEMU (Debian's package qemu-system-x86); SEMITONE_QEMU names another one";

    private const int WaitNoHang = 1;

    private readonly int _process;
    private readonly Lock _lock = new();
    private bool _hasEnded;
    private bool _isInputClosed;

    private ChildProcess(int process, int input, int output, int error)
    {
        _process = process;
        Input = input;
        Output = output;
        Error = error;
    }

    /// <summary>Its number.</summary>
    public int Process => _process;

    /// <summary>Our end of its standard input.</summary>
    public int Input { get; }

    /// <summary>Our end of its standard output.</summary>
    public int Output { get; }

    /// <summary>Our end of its standard error.</summary>
    public int Error { get; }

    /// <summary>Starts a program, in a session of its own so that the terminal's Ctrl-C reaches us alone.</summary>
    /// <param name="command">File, looked up in PATH, and arguments.</param>
    /// <param name="inherited">Descriptors of ours that are to be its descriptors 3, 4 and so on; those behind the first lie beyond that
    /// range.</param>
    /// <remarks>
    /// The kernel is asked to kill it when we die, even of SIGKILL (PR_SET_PDEATHSIG). As that must be asked by the child itself,
    /// setpriv(1) of util-linux stands between where there is one. The signal comes when the *thread* that started it ends: call this on
    /// the main thread.
    /// </remarks>
    public static ChildProcess Start(IReadOnlyList<string> command, params ReadOnlySpan<int> inherited)
    {
        (int Read, int Write) input = CreatePipe();
        (int Read, int Write) output = CreatePipe();
        (int Read, int Write) error = CreatePipe();
        byte[] actions = new byte[SpawnAttributes.OpaqueSize];
        LibC.posix_spawn_file_actions_init(actions);
        LibC.posix_spawn_file_actions_adddup2(actions, input.Read, 0);
        LibC.posix_spawn_file_actions_adddup2(actions, output.Write, 1);
        LibC.posix_spawn_file_actions_adddup2(actions, error.Write, 2);
        for (int i = 0; i < inherited.Length; i++)
        {
            LibC.posix_spawn_file_actions_adddup2(actions, inherited[i], 3 + i);
        }

        byte[] attributes = SpawnAttributes.Create();
        string[] words = [.. GetGuard(), .. command];
        using StringArray arguments = new(words);
        using StringArray environment = new(HostEnvironment.Variables);
        int result =
            LibC.posix_spawnp(out int process, HostText.ToCString(words[0]), actions, attributes, arguments.Pointers, environment.Pointers);
        LibC.posix_spawn_file_actions_destroy(actions);
        LibC.close(input.Read);
        LibC.close(output.Write);
        LibC.close(error.Write);
        if (result != 0)
        {
            throw new CommandFailedException(
                ExitStatus.MachineFailed, $"{command[0]} could not be started: {Marshal.GetPInvokeErrorMessage(result)}\n{QemuHint}");
        }

        return new ChildProcess(process, input.Write, output.Read, error.Read);
    }

    /// <summary>Kills it, unless it has ended already. Safe on any thread.</summary>
    public void Kill()
    {
        // Under the lock, so that the number cannot have gone to another process meanwhile.
        lock (_lock)
        {
            if (!_hasEnded)
            {
                // It leads a process group of its own, so its helpers go too.
                LibC.kill(-_process, LibC.SIGKILL);
            }
        }
    }

    /// <summary>Waits for its end.</summary>
    /// <returns>Its status, or 128 + N when signal N ended it.</returns>
    public int Wait()
    {
        // Its output has ended, so it is about to end itself: what is left to wait for is short, and Kill may come at any time.
        while (true)
        {
            lock (_lock)
            {
                int process = LibC.waitpid(_process, out int status, WaitNoHang);
                if (process != 0)
                {
                    _hasEnded = true;
                    int signal = status & 0x7F;
                    return signal == 0 ? (status >> 8) & 0xFF : ExitStatus.SignalBase + signal;
                }
            }

            Thread.Sleep(1);
        }
    }

    /// <summary>Ends its standard input. Not to be called while somebody writes there.</summary>
    public void CloseInput()
    {
        if (!_isInputClosed)
        {
            _isInputClosed = true;
            LibC.close(Input);
        }
    }

    /// <summary>Closes our ends of its streams.</summary>
    public void Close()
    {
        CloseInput();
        LibC.close(Output);
        LibC.close(Error);
    }

    private static string[] GetGuard() => File.Exists("/usr/bin/setpriv") ? ["/usr/bin/setpriv", "--pdeathsig", "KILL", "--"] : [];

    private static (int Read, int Write) CreatePipe()
    {
        int[] ends = new int[2];
        if (LibC.pipe2(ends, LibC.O_CLOEXEC) != 0)
        {
            throw new CommandFailedException(ExitStatus.MachineFailed, "no pipe could be made: too many open files");
        }

        return (ends[0], ends[1]);
    }
}

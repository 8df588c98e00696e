using System.Net.Sockets;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Machines;

/// <summary>What commands do to machines.</summary>
internal static class MachineControl
{
    /// <summary>How long a supervisor may take to let go of a machine that has ended.</summary>
    private static readonly TimeSpan s_releaseLimit = TimeSpan.FromSeconds(5);

    /// <summary>How long one that has the lock may take to answer: it may only just have been started.</summary>
    private static readonly TimeSpan s_answerLimit = TimeSpan.FromSeconds(5);

    /// <summary>How long QEMU may take to die; what a busy host needs, as the program's status is lost where it takes longer.</summary>
    private static readonly TimeSpan s_killLimit = TimeSpan.FromSeconds(10);

    /// <summary>Starts a machine; one that runs goes on.</summary>
    /// <exception cref="CommandFailedException">It does not run.</exception>
    public static void Start(MachineFolder folder)
    {
        if (folder.ReadState().IsUp)
        {
            return;
        }

        try
        {
            SupervisorProcess.Start(folder);
        }
        catch (CommandFailedException) when (folder.ReadState().IsUp)
        {
            // Another command has been faster.
        }
    }

    /// <summary>Asks a machine's supervisor for something.</summary>
    /// <param name="folder">Of the machine.</param>
    /// <param name="record">Of the machine.</param>
    /// <param name="request">What it is to do.</param>
    /// <param name="work">How long that may take; <see cref="Timeout.InfiniteTimeSpan"/> for ever.</param>
    /// <returns>Null when the machine does not run.</returns>
    /// <exception cref="CommandFailedException">It cannot be done, or the supervisor does not answer.</exception>
    public static ControlReply? Ask(MachineFolder folder, MachineRecord record, ControlRequest request, TimeSpan work = default)
    {
        using Socket? socket = Connect(folder, record);
        if (socket is null)
        {
            return null;
        }

        socket.ReceiveTimeout = work == Timeout.InfiniteTimeSpan
            ? 0
            : (int)Math.Min((work + s_answerLimit).TotalMilliseconds, int.MaxValue);
        ControlReply? reply = ControlSocket.TrySend(socket, request, ControlJson.Default.ControlRequest)
            ? ControlSocket.TryReceive(socket, ControlJson.Default.ControlReply)
            : null;
        if (reply is null && folder.ReadState().IsUp)
        {
            throw MakeSilent(record);
        }

        return reply?.Error is { } error
            ? throw new CommandFailedException(ExitStatus.General, $"{record.Name}: {error}")
            : reply;
    }

    /// <summary>Connects with a machine's supervisor.</summary>
    /// <returns>Null when the machine does not run.</returns>
    public static Socket? Connect(MachineFolder folder, MachineRecord record)
    {
        long deadline = Environment.TickCount64 + (long)s_answerLimit.TotalMilliseconds;
        while (folder.ReadState().IsUp)
        {
            if (ControlSocket.TryConnect(folder) is { } socket)
            {
                return socket;
            }

            if (Environment.TickCount64 > deadline)
            {
                throw MakeSilent(record);
            }

            Thread.Sleep(10);
        }

        return null;
    }

    private static CommandFailedException MakeSilent(MachineRecord record) => new(
        ExitStatus.General, $"{record.Name}: its supervisor does not answer; semitone kill {record.Name} ends it");

    /// <summary>Ends a machine at once, also one whose supervisor does not answer.</summary>
    /// <returns>False when it did not run.</returns>
    public static bool Kill(MachineFolder folder, MachineRecord record)
    {
        try
        {
            ControlRequest request = new() { Action = ControlAction.Signal, Signal = LibC.SIGKILL };
            if (Ask(folder, record, request, s_killLimit) is null)
            {
                return false;
            }
        }
        catch (CommandFailedException)
        {
            // QEMU dies with its supervisor.
            if (folder.ReadState().Supervisor?.TrySignal(LibC.SIGKILL) != true)
            {
                throw;
            }
        }

        AwaitRelease(folder);
        return true;
    }

    /// <summary>Waits until nobody holds a machine that has ended, so that what is done next finds it so.</summary>
    public static void AwaitRelease(MachineFolder folder)
    {
        long deadline = Environment.TickCount64 + (long)s_releaseLimit.TotalMilliseconds;
        while (folder.IsHeld && Environment.TickCount64 < deadline)
        {
            Thread.Sleep(2);
        }
    }

    /// <summary>Removes a machine that does not run.</summary>
    /// <exception cref="CommandFailedException">It runs.</exception>
    public static void Remove(MachineStore store, MachineFolder folder, MachineRecord record)
    {
        MachineState state = folder.ReadState();
        if (state.IsUp || folder.TryHold(s_releaseLimit) is not { } hold)
        {
            throw HostFile.IsFolder(folder.Location)
                ? new CommandFailedException(
                    ExitStatus.General,
                    $"{record.Name} is {(state.IsUp ? state.Status.ToString().ToLowerInvariant() : "held by another command")}: "
                        + "stop it first, or say rm --force")
                : new CommandFailedException(ExitStatus.General, $"there is no machine '{record.Name}'");
        }

        store.Remove(folder, hold);
    }

    /// <summary>Waits for the end of a machine; of one that was not started too.</summary>
    /// <returns>The program's status.</returns>
    public static int Wait(MachineFolder folder, MachineRecord record)
    {
        while (true)
        {
            if (Ask(folder, record, new ControlRequest { Action = ControlAction.Wait }, Timeout.InfiniteTimeSpan)?.ExitStatus is { } told)
            {
                AwaitRelease(folder);
                return told;
            }

            MachineState state = folder.ReadState();
            if (state.Status == MachineStatus.Exited || !HostFile.IsFolder(folder.Location))
            {
                return state.ExitStatus ?? MachineState.UnknownExitStatus;
            }

            Thread.Sleep(100);
        }
    }
}

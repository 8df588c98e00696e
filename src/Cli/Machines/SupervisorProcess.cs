using System.Runtime.InteropServices;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Machines;

/// <summary>Starts machines: each gets a process of this executable that holds it.</summary>
internal static class SupervisorProcess
{
    /// <summary>The command that a supervisor is.</summary>
    public const string Command = "supervise";

    private const uint LogPermissions = 0x180;

    /// <summary>Starts a machine, and waits until its program runs.</summary>
    /// <exception cref="CommandFailedException">It does not run; the status is what <c>semitone run</c> would end with.</exception>
    public static void Start(MachineFolder folder)
    {
        int[] pipe = new int[2];
        if (LibC.pipe2(pipe, LibC.O_CLOEXEC) != 0)
        {
            throw new CommandFailedException(ExitStatus.MachineFailed, "no pipe could be made: too many open files");
        }

        Spawn(folder, pipe[1]);
        LibC.close(pipe[1]);
        (int Status, string Message)? report = StartReport.Read(pipe[0]);
        LibC.close(pipe[0]);
        if (report is not { } told)
        {
            string words = HostFile.ReadText(folder.SupervisorLogFile).Trim();
            throw new CommandFailedException(
                ExitStatus.MachineFailed, $"the machine's supervisor died{(words.Length > 0 ? $":\n{words}" : "")}");
        }

        if (told.Status != 0)
        {
            throw new CommandFailedException(told.Status, told.Message);
        }
    }

    private static void Spawn(MachineFolder folder, int report)
    {
        int none = LibC.open(HostText.ToCString("/dev/null"), LibC.O_RDWR | LibC.O_CLOEXEC);
        int log = LibC.open(
            HostText.ToCString(folder.SupervisorLogFile), LibC.O_WRONLY | LibC.O_CREAT | LibC.O_APPEND | LibC.O_CLOEXEC, LogPermissions);
        byte[] actions = new byte[SpawnAttributes.OpaqueSize];
        LibC.posix_spawn_file_actions_init(actions);
        LibC.posix_spawn_file_actions_adddup2(actions, report, StartReport.InheritedDescriptor);
        LibC.posix_spawn_file_actions_adddup2(actions, none, Descriptor.StandardInput);
        LibC.posix_spawn_file_actions_adddup2(actions, none, Descriptor.StandardOutput);
        LibC.posix_spawn_file_actions_adddup2(actions, log >= 0 ? log : none, Descriptor.StandardError);

        // A session of its own: no terminal's keys, hang-up or job control reach it.
        byte[] attributes = SpawnAttributes.Create();
        using StringArray arguments = new(["semitone", Command, folder.Location]);
        using StringArray environment = new(HostEnvironment.Variables);
        int result = LibC.posix_spawnp(
            out _, HostText.ToCString(Environment.ProcessPath ?? "/proc/self/exe"), actions, attributes, arguments.Pointers,
            environment.Pointers);
        LibC.posix_spawn_file_actions_destroy(actions);
        LibC.close(none);
        if (log >= 0)
        {
            LibC.close(log);
        }

        if (result != 0)
        {
            throw new CommandFailedException(
                ExitStatus.MachineFailed, $"the machine's supervisor could not be started: {Marshal.GetPInvokeErrorMessage(result)}");
        }
    }
}

using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Win32.SafeHandles;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Machines;

/// <summary>The folder of one machine.</summary>
/// <remarks>
/// <para>
/// Whoever changes something holds the folder's lock: its maker, its supervisor as long as the machine runs, its remover. Reading needs
/// none: files are replaced in one step. So what a status says of a running machine holds exactly as long as the lock is taken.
/// </para>
/// <para>Files: <c>lock</c>; <c>machine.json</c>, what it is; <c>state.json</c>, what it has come to; <c>rootfs.cpio</c>;
/// <c>console.log</c> and <c>console.log.1</c>; <c>control</c>, the supervisor's socket; <c>supervisor.log</c>.</para>
/// </remarks>
/// <param name="path">Absolute.</param>
internal sealed class MachineFolder(string path)
{
    public string Location { get; } = path;

    public string LockFile => Location + "/lock";

    public string RootFile => Location + "/rootfs.cpio";

    public string LogFile => Location + "/console.log";

    public string SupervisorLogFile => Location + "/supervisor.log";

    public string ControlSocket => Location + "/control";

    private string RecordFile => Location + "/machine.json";

    private string StateFile => Location + "/state.json";

    /// <summary>Whether somebody holds it: it runs, or is being made, started or removed.</summary>
    public bool IsHeld => FileLock.IsTaken(LockFile);

    /// <summary>Takes the lock.</summary>
    /// <returns>Null when somebody else has it, or the machine is there no more.</returns>
    public FileLock? TryHold()
    {
        try
        {
            return HostFile.IsFolder(Location) ? FileLock.TryTake(LockFile) : null;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Takes the lock of a machine that is about to be let go.</summary>
    /// <returns>Null when somebody has it all that time.</returns>
    public FileLock? TryHold(TimeSpan patience)
    {
        long deadline = Environment.TickCount64 + (long)patience.TotalMilliseconds;
        while (true)
        {
            if (TryHold() is { } held)
            {
                return held;
            }

            if (Environment.TickCount64 >= deadline || !HostFile.IsFolder(Location))
            {
                return null;
            }

            Thread.Sleep(5);
        }
    }

    /// <summary>Reads what the machine is.</summary>
    /// <returns>Null when that is not there or damaged.</returns>
    public MachineRecord? ReadRecord() => Read(RecordFile, MachineJson.Default.MachineRecord);

    public void Write(MachineRecord record) => Write(RecordFile, record, MachineJson.Default.MachineRecord);

    /// <summary>Reads what the machine has come to, which is what is written only while somebody holds the lock.</summary>
    public MachineState ReadState()
    {
        MachineState state = ReadWrittenState();
        if (!state.IsUp || IsHeld)
        {
            return state;
        }

        // It may have ended, and said so, between the two.
        state = ReadWrittenState();
        return state.IsUp && !IsHeld ? state.AfterLoss(LastTrace) : state;
    }

    /// <remarks>The lock is held.</remarks>
    public void Write(MachineState state) => Write(StateFile, state, MachineJson.Default.MachineState);

    private MachineState ReadWrittenState() => Read(StateFile, MachineJson.Default.MachineState) ?? MachineState.Fresh;

    /// <summary>When the log or the state was last written.</summary>
    private DateTimeOffset? LastTrace =>
        ((string[])[LogFile, StateFile])
            .Where(file => FileStatus.TryFollow(file, out _))
            .Select(file => FileStatus.TryFollow(file, out FileStatus status)
                ? DateTimeOffset.FromUnixTimeSeconds(status.ModifiedTime)
                : (DateTimeOffset?)null)
            .Max();

    private static T? Read<T>(string file, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return HostFile.TryReadAll(file, out byte[] content) ? JsonSerializer.Deserialize(content, type) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Replaces a file in one step, so that readers see the old one or the new one, also after the host has lost power.</summary>
    private static void Write<T>(string file, T content, JsonTypeInfo<T> type)
    {
        string unfinished = file + ".new";
        try
        {
            using (FileStream stream = HostFile.Create(unfinished))
            {
                JsonSerializer.Serialize(stream, content, type);
                stream.Flush();
                SafeFileHandle handle = stream.SafeFileHandle;
                LibC.fsync((int)handle.DangerousGetHandle());
            }

            if (LibC.rename(HostText.ToCString(unfinished), HostText.ToCString(file)) != 0)
            {
                throw new IOException($"{file} cannot be replaced");
            }
        }
        catch (IOException)
        {
            LibC.unlink(HostText.ToCString(unfinished));
            throw;
        }
    }
}

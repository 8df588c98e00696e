using System.Security.Cryptography;
using Semitone.Cli.Commands;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Machines;

/// <summary>The machines of a user: a folder with one folder for each, which bears its name.</summary>
/// <remarks>
/// <para>
/// The file system keeps the order, and nobody else: a machine is made under another name and gets its own by rename(2), which fails where
/// that is taken; it is removed by a rename too. So at each moment a machine is there as a whole or not at all, and a name has one machine,
/// however many commands run and wherever they are killed. What they leave under other names, which begin with a dot, goes when the next
/// machine is made.
/// </para>
/// <para>
/// It is in XDG_STATE_HOME and not in XDG_RUNTIME_DIR: status and log of what has ended outlive the session and the host's boot.
/// </para>
/// </remarks>
/// <param name="root">Absolute; made when it is first needed.</param>
internal sealed class MachineStore(string root)
{
    private const string NewPrefix = ".new-";
    private const string OldPrefix = ".old-";

    /// <summary>A folder that is just being made is not locked yet.</summary>
    private static readonly TimeSpan s_leftAfter = TimeSpan.FromMinutes(1);

    /// <summary>The user's own.</summary>
    /// <exception cref="CommandFailedException">There is no place for it.</exception>
    public static MachineStore OfUser { get => new(FindRoot(HostEnvironment.Get)); }

    public string Root { get; } = root;

    /// <summary>Finds the place as the XDG base directory specification has it.</summary>
    internal static string FindRoot(Func<string, string?> getVariable)
    {
        if (getVariable("XDG_STATE_HOME") is ['/', ..] state)
        {
            return $"{state.TrimEnd('/')}/semitone/machines";
        }

        return getVariable("HOME") is ['/', _, ..] home && HostFile.IsFolder(home)
            ? $"{home.TrimEnd('/')}/.local/state/semitone/machines"
            : throw new CommandFailedException(
                ExitStatus.Usage,
                "there is no place for machines that have names: HOME is no folder\nset HOME, or XDG_STATE_HOME to a folder for them");
    }

    /// <summary>Lists all machines by their names.</summary>
    public List<(MachineFolder Folder, MachineRecord Record)> List()
    {
        List<(MachineFolder, MachineRecord)> machines = [];
        foreach (string name in ListNames())
        {
            MachineFolder folder = new($"{Root}/{name}");
            if (Describe(folder, name) is { } record)
            {
                machines.Add((folder, record));
            }
        }

        return machines;
    }

    /// <summary>Finds a machine by its name or the start of its identifier.</summary>
    /// <exception cref="CommandFailedException">There is none, or there are several.</exception>
    public (MachineFolder Folder, MachineRecord Record) Find(string reference)
    {
        if (MachineName.IsValid(reference))
        {
            MachineFolder folder = new($"{Root}/{reference}");
            if (Describe(folder, reference) is { } record)
            {
                return (folder, record);
            }
        }

        List<(MachineFolder Folder, MachineRecord Record)> all = List();
        List<(MachineFolder Folder, MachineRecord Record)> found =
            reference.Length == 0 ? [] : all.FindAll(machine => machine.Record.Id.StartsWith(reference, StringComparison.Ordinal));
        return found switch
        {
            [var machine] => machine,
            [] => throw new CommandFailedException(
                ExitStatus.General,
                $"there is no machine '{reference}'{Spelling.Suggest(reference, all.Select(machine => machine.Record.Name))}"),
            _ => throw new CommandFailedException(
                ExitStatus.General, $"there are several machines whose identifiers begin with {reference}"),
        };
    }

    /// <summary>Whether a name or the start of an identifier leads to machines.</summary>
    public bool IsThere(string reference) =>
        (MachineName.IsValid(reference) && IsTaken(reference))
            || (reference.Length > 0
                && List().Exists(machine => machine.Record.Id.StartsWith(reference, StringComparison.Ordinal)));

    /// <summary>Whether a name is taken. It may be by the time it is needed, or be free again.</summary>
    public bool IsTaken(string name) => FileStatus.TryRead($"{Root}/{name}", out _);

    /// <summary>Begins a machine: a folder to fill.</summary>
    /// <exception cref="CommandFailedException">There is no place for it.</exception>
    public NewMachine Begin()
    {
        try
        {
            HostFolder.CreateAll(Root);
            Sweep();
            string id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
            string folder = $"{Root}/{NewPrefix}{id}";
            HostFolder.TryCreate(folder);
            FileLock hold = FileLock.TryTake(folder + "/lock") ?? throw new IOException($"{folder} was removed");
            return new NewMachine(Root, new MachineFolder(folder), id, hold);
        }
        catch (IOException failure)
        {
            throw new CommandFailedException(ExitStatus.Usage, $"no machine can be made: {failure.Message}");
        }
    }

    /// <summary>Removes a machine that nobody else holds.</summary>
    /// <param name="folder">Its folder.</param>
    /// <param name="hold">Its lock.</param>
    public void Remove(MachineFolder folder, FileLock hold)
    {
        // From here on there is no such machine, whenever the rest comes to be done.
        string old = $"{Root}/{OldPrefix}{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16))}";
        if (HostFolder.TryRename(folder.Location, old))
        {
            HostFolder.Remove(old);
        }

        hold.Dispose();
    }

    /// <summary>Removes what commands left that were killed while they made or removed a machine.</summary>
    internal void Sweep(TimeSpan? leftAfter = null)
    {
        long before = (DateTimeOffset.UtcNow - (leftAfter ?? s_leftAfter)).ToUnixTimeSeconds();
        foreach (string name in HostFile.List(Root))
        {
            string path = $"{Root}/{name}";
            bool isLeft = name.StartsWith(NewPrefix, StringComparison.Ordinal) || name.StartsWith(OldPrefix, StringComparison.Ordinal);
            if (isLeft && FileStatus.TryRead(path, out FileStatus status) && status.ModifiedTime <= before
                && new MachineFolder(path).TryHold() is { } hold)
            {
                using (hold)
                {
                    HostFolder.Remove(path);
                }
            }
        }
    }

    /// <summary>
    /// Reads what a machine is; of one whose description is damaged at least that it is there, so that it can be removed.
    /// </summary>
    /// <returns>Null when it is not there.</returns>
    private static MachineRecord? Describe(MachineFolder folder, string name)
    {
        if (folder.ReadRecord() is { } record)
        {
            return record;
        }

        // Another of its name may have come meanwhile.
        return FileStatus.TryFollow(folder.Location, out FileStatus status) && status.IsDirectory
            ? folder.ReadRecord() ?? new MachineRecord
            {
                Id = "",
                Name = name,
                Created = DateTimeOffset.FromUnixTimeSeconds(status.ModifiedTime),
                Command = ["(damaged)"],
                MemoryBytes = 0,
                KernelCommandLine = "",
                ArchiveBytes = 0,
            }
            : null;
    }

    private string[] ListNames()
    {
        try
        {
            return [.. HostFile.List(Root).Where(MachineName.IsValid)];
        }
        catch (FileNotFoundException)
        {
            return [];
        }
        catch (IOException failure)
        {
            throw new CommandFailedException(ExitStatus.Usage, $"{Root} cannot be read: {failure.Message}");
        }
    }
}

using Semitone.Cli.Posix;

namespace Semitone.Cli.Machines;

/// <summary>A machine that is being made. It goes away unless it is finished.</summary>
internal sealed class NewMachine(string root, MachineFolder folder, string id, FileLock hold) : IDisposable
{
    private bool _isFinished;

    public string Id => id;

    public MachineFolder Folder => folder;

    /// <summary>Gives it its name, with which it is there.</summary>
    /// <param name="record">What it is; its name is the user's, or one that was made up.</param>
    /// <param name="isInvented">The name was made up, and another one does as well.</param>
    /// <exception cref="CommandFailedException">The name is taken.</exception>
    /// <exception cref="IOException">It cannot be written.</exception>
    public (MachineFolder Folder, MachineRecord Record) Finish(MachineRecord record, bool isInvented)
    {
        folder.Write(MachineState.Fresh);
        while (true)
        {
            folder.Write(record);
            MachineFolder finished = new($"{root}/{record.Name}");
            if (HostFolder.TryRename(folder.Location, finished.Location))
            {
                _isFinished = true;
                return (finished, record);
            }

            record = isInvented
                ? record with { Name = MachineName.Invent() }
                : throw MakeTaken(record.Name);
        }
    }

    /// <summary>The error that docker gives, in other words.</summary>
    public static CommandFailedException MakeTaken(string name) => new(
        ExitStatus.Usage, $"the name '{name}' is taken; remove that machine (semitone rm {name}), or take another name");

    public void Dispose()
    {
        if (!_isFinished)
        {
            HostFolder.Remove(folder.Location);
        }

        hold.Dispose();
    }
}

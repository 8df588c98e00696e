using Semitone.Cli.Posix;
using Semitone.Cpio;

namespace Semitone.Cli.Packing;

/// <summary>Packs files of the host into the archive that becomes the guest's root file system.</summary>
/// <remarks>Ownership is recorded as root's: the guest's first process is root, and the number of the user who packs means nothing in there.</remarks>
internal sealed class RootFileSystemWriter(Stream output)
{
    private readonly CpioWriter _writer = new(output);
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);

    /// <summary>Bytes written so far.</summary>
    public long Length => _writer.Length;

    /// <summary>Packs everything below a folder; the folder itself becomes the root.</summary>
    public void AddTree(string folder)
    {
        string root = folder.Length > 1 ? folder.TrimEnd('/') : folder;
        if (!FileStatus.TryRead(Path.GetFullPath(root) + "/.", out FileStatus status) || !status.IsDirectory)
        {
            throw new CommandFailedException(ExitStatus.Usage, $"{folder} is not a folder");
        }

        _writer.AddDirectory(".", Describe(status));
        Dictionary<(uint, ulong), LinkedFile> linkedFiles = [];
        AddChildren(root, "", linkedFiles);
        foreach (LinkedFile file in linkedFiles.Values)
        {
            AddData([.. file.Names], file.Source, file.Status);
        }
    }

    /// <summary>Packs one path of the host so that opening it finds the same file: the folders that lead there and every symbolic link on the way.</summary>
    /// <param name="path">Absolute.</param>
    /// <returns>False when nothing is there.</returns>
    public bool TryAddPath(string path)
    {
        // As many as Linux follows before it says ELOOP.
        const int MaxLinks = 40;
        LinkedList<string> rest = new(path.Split('/', StringSplitOptions.RemoveEmptyEntries));
        string folder = "";
        int links = 0;
        while (rest.First is { } component)
        {
            rest.RemoveFirst();
            if (component.Value == ".")
            {
                continue;
            }

            if (component.Value == "..")
            {
                folder = folder.Length == 0 ? "" : folder[..folder.LastIndexOf('/')];
                continue;
            }

            string current = $"{folder}/{component.Value}";
            if (!FileStatus.TryRead(current, out FileStatus status))
            {
                return false;
            }

            AddOne(current, current[1..], status);
            if (!status.IsSymbolicLink)
            {
                folder = current;
                continue;
            }

            string? target = new FileInfo(current).LinkTarget;
            if (target is null || ++links > MaxLinks)
            {
                return false;
            }

            LinkedListNode<string>? first = null;
            foreach (string part in target.Split('/', StringSplitOptions.RemoveEmptyEntries))
            {
                first = first is null ? rest.AddFirst(part) : rest.AddAfter(first, part);
            }

            folder = target.StartsWith('/') ? "" : folder;
        }

        return true;
    }

    /// <summary>Adds an empty folder that need not exist on the host, and those that lead there.</summary>
    /// <param name="path">Absolute.</param>
    public void AddFolder(string path, uint permissions)
    {
        int slash = path.LastIndexOf('/');
        if (slash > 0)
        {
            AddFolder(path[..slash], 0x1ED);
        }

        if (path.Length > 1 && _names.Add(path[1..]))
        {
            _writer.AddDirectory(path[1..], new CpioAttributes(permissions));
        }
    }

    /// <summary>Packs a file under another path, and the folders that lead there.</summary>
    /// <param name="source">Path on the host.</param>
    /// <param name="path">Absolute path in the guest.</param>
    public void AddFileAs(string source, string path)
    {
        int slash = path.LastIndexOf('/');
        if (slash > 0)
        {
            AddFolder(path[..slash], 0x1ED);
        }

        if (!FileStatus.TryRead(source, out FileStatus status))
        {
            throw new CommandFailedException(ExitStatus.Usage, $"{source}: not found");
        }

        AddOne(source, path[1..], status);
    }

    /// <summary>Adds a character device, for kernels that do not make their own.</summary>
    public void AddCharacterDevice(string path, uint major, uint minor)
    {
        AddFolder(path[..path.LastIndexOf('/')], 0x1ED);
        _writer.AddDevice(path[1..], isBlockDevice: false, major, minor, new CpioAttributes(0x1B6));
    }

    public void Finish() => _writer.Finish();

    private static CpioAttributes Describe(FileStatus status) => new(status.Permissions, Uid: 0, Gid: 0, status.ModifiedTime);

    private void AddChildren(string folder, string name, Dictionary<(uint, ulong), LinkedFile> linkedFiles)
    {
        string[] children;
        try
        {
            children = Directory.GetFileSystemEntries(folder);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailedException(ExitStatus.Usage, $"{folder} cannot be read: {failure.Message}");
        }

        Array.Sort(children, StringComparer.Ordinal);
        foreach (string child in children)
        {
            if (!FileStatus.TryRead(child, out FileStatus status))
            {
                if (child.Contains('\uFFFD'))
                {
                    throw new CommandFailedException(ExitStatus.Usage, $"{child} cannot be packed: its name is not UTF-8; rename it, or pack the folder yourself with cpio -o -H newc");
                }

                throw new CommandFailedException(ExitStatus.Usage, $"{child} vanished while it was being packed");
            }

            string childName = name + Path.GetFileName(child);
            if (status is { IsRegular: true, Links: > 1 })
            {
                if (!linkedFiles.TryGetValue((status.Device, status.Inode), out LinkedFile? file))
                {
                    linkedFiles.Add((status.Device, status.Inode), file = new LinkedFile(child, status));
                }

                file.Names.Add(childName);
                continue;
            }

            AddOne(child, childName, status);
            if (status.IsDirectory)
            {
                AddChildren(child, childName + "/", linkedFiles);
            }
        }
    }

    private void AddOne(string source, string name, FileStatus status)
    {
        if (!_names.Add(name))
        {
            return;
        }

        CpioAttributes attributes = Describe(status);
        if (status.IsDirectory)
        {
            _writer.AddDirectory(name, attributes);
        }
        else if (status.IsRegular)
        {
            AddData([name], source, status);
        }
        else if (status.IsSymbolicLink)
        {
            _writer.AddSymbolicLink(name, new FileInfo(source).LinkTarget ?? "", attributes);
        }
        else if (status.IsFifo)
        {
            _writer.AddFifo(name, attributes);
        }
        else if (status.IsCharacterDevice || status.IsBlockDevice)
        {
            _writer.AddDevice(name, status.IsBlockDevice, status.DeviceMajor, status.DeviceMinor, attributes);
        }

        // A socket is bound to a process of the host: nothing could be behind it.
    }

    private void AddData(ReadOnlySpan<string> names, string source, FileStatus status)
    {
        try
        {
            using FileStream data = new(source, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            _writer.AddFile(names, data, status.Size, Describe(status));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException)
        {
            string reason = failure is ArgumentOutOfRangeException && status.Size > uint.MaxValue ? "it is larger than the 4 GiB that a cpio archive can hold" : failure.Message;
            throw new CommandFailedException(ExitStatus.Usage, $"{source} cannot be packed: {reason}");
        }
    }

    /// <summary>A file of several names: its data is written once, when all names are known.</summary>
    private sealed class LinkedFile(string source, FileStatus status)
    {
        public string Source { get; } = source;

        public FileStatus Status { get; } = status;

        public List<string> Names { get; } = [];
    }
}

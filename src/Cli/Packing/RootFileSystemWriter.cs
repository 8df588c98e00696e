using Semitone.Cli.Archives;
using Semitone.Cli.Posix;
using Semitone.Cli.Running;
using Semitone.Cpio;

namespace Semitone.Cli.Packing;

/// <summary>Packs files of the host, and entries of other archives, into the archive that becomes the guest's root file system.</summary>
/// <remarks>
/// Owners are kept, but for one: what belongs to the user who packs, unless that is root, counts as root's, as the numbers in a user
/// namespace do that this user makes.
/// </remarks>
/// <param name="output">Where the archive goes; it must be able to seek.</param>
internal sealed class RootFileSystemWriter(Stream output)
{
    private const uint FolderPermissions = 0x1ED;

    private static readonly uint s_user = LibC.geteuid();
    private static readonly uint s_group = LibC.getegid();

    private readonly long _start = output.Position;
    private readonly CpioWriter _writer = new(output);

    /// <summary>Files of several names by device and inode, as long as a tree is walked.</summary>
    private readonly Dictionary<(uint Device, ulong Inode), CpioFile> _linkedFiles = [];

    /// <summary>Told of every entry; null for nobody.</summary>
    public PackingProgress? Progress { get; init; }

    /// <summary>What the archive may have.</summary>
    public RootLimit Limit { get; init; } = RootLimit.None;

    /// <summary>Bytes written so far.</summary>
    public long Length => _writer.Length;

    /// <summary>Entries written so far.</summary>
    public int Count { get; private set; }

    /// <summary>What is packed already.</summary>
    public PackedNames Names { get; } = new();

    /// <summary>Packs everything below a folder; the folder itself becomes the root.</summary>
    public void AddTree(string folder) => new HostTree(this).AddRoot(folder);

    /// <summary>
    /// Packs one path of the host so that opening it finds the same file: the folders that lead there and every symbolic link on the way.
    /// </summary>
    /// <param name="path">Absolute.</param>
    /// <returns>False when nothing is there.</returns>
    public bool TryAddPath(string path) => TryAddPath(path, out _, out _);

    /// <inheritdoc cref="TryAddPath(string)"/>
    /// <param name="resolved">The path without a link in it.</param>
    /// <param name="status">Of what is there.</param>
    public bool TryAddPath(string path, out string resolved, out FileStatus status)
    {
        // As many as Linux follows before it says ELOOP.
        const int MaxLinks = 40;
        LinkedList<string> rest = new(path.Split('/', StringSplitOptions.RemoveEmptyEntries));
        resolved = "";
        status = default;
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
                resolved = resolved.Length == 0 ? "" : resolved[..resolved.LastIndexOf('/')];
                continue;
            }

            string current = $"{resolved}/{component.Value}";
            if (!FileStatus.TryRead(current, out status))
            {
                return false;
            }

            AddHostFile(current, current[1..], status);
            if (!status.IsSymbolicLink)
            {
                resolved = current;
                continue;
            }

            string? target = HostFile.ReadLink(current);
            if (target is null || ++links > MaxLinks)
            {
                return false;
            }

            LinkedListNode<string>? first = null;
            foreach (string part in target.Split('/', StringSplitOptions.RemoveEmptyEntries))
            {
                first = first is null ? rest.AddFirst(part) : rest.AddAfter(first, part);
            }

            resolved = target.StartsWith('/') ? "" : resolved;
        }

        resolved = resolved.Length == 0 ? "/" : resolved;
        return FileStatus.TryRead(resolved, out status);
    }

    /// <summary>Packs a path of the host as <see cref="TryAddPath(string)"/> does, and all that lies below it.</summary>
    /// <param name="takes">Says of a path below whether it is wanted; null for all.</param>
    public bool TryAddTree(string path, Func<string, bool>? takes = null) => new HostTree(this) { Takes = takes }.TryAdd(path);

    /// <summary>Packs a file or folder of the host under another path; what is there already is replaced.</summary>
    /// <param name="source">Path on the host.</param>
    /// <param name="path">Absolute path in the guest.</param>
    public void AddAs(string source, string path) => new HostTree(this).AddAs(source, path);

    /// <summary>Packs a file under another path, and the folders that lead there.</summary>
    /// <param name="source">Path on the host.</param>
    /// <param name="path">Absolute path in the guest.</param>
    public void AddFileAs(string source, string path)
    {
        if (!FileStatus.TryFollow(source, out FileStatus status))
        {
            throw new CommandFailedException(ExitStatus.Usage, $"{source}: not found");
        }

        AddParents(path.TrimStart('/'));
        AddHostFile(source, path[1..], status);
    }

    /// <summary>
    /// Adds an empty folder that need not exist on the host, and those that lead there; one that is there stays as it is.
    /// </summary>
    /// <param name="path">Absolute.</param>
    public void AddFolder(string path, uint permissions)
    {
        if (!Names.TryResolve(path, followLast: true, out string name) || name.Length == 0)
        {
            return;
        }

        AddParents(name);
        if (!Names.TryGet(name, out PackedName? packed) || packed.IsImplicit)
        {
            Names.Set(name, PackedName.Folder);
            _writer.AddDirectory(HostText.ToBytes(name), new CpioAttributes(permissions));
            Finish(name);
        }
    }

    /// <summary>Adds a character device, for kernels that do not make their own.</summary>
    public void AddCharacterDevice(string path, uint major, uint minor)
    {
        AddFolder(path[..path.LastIndexOf('/')], FolderPermissions);
        _writer.AddDevice(HostText.ToBytes(path[1..]), isBlockDevice: false, major, minor, new CpioAttributes(0x1B6));
    }

    /// <summary>Adds an entry of another archive: of several with one name the last counts.</summary>
    /// <exception cref="ArchiveException">It cannot be part of a root file system.</exception>
    public void AddEntry(ArchiveEntry entry)
    {
        if (!TryFindPlace(entry, out string name))
        {
            return;
        }

        CpioAttributes attributes = new(entry.Permissions, entry.Uid, entry.Gid, entry.ModifiedTime);
        byte[] bytes = HostText.ToBytes(name);
        switch (entry.Kind)
        {
            case ArchiveEntryKind.Folder:
                Names.Set(name, PackedName.Folder);
                _writer.AddDirectory(name.Length == 0 ? "."u8 : bytes, attributes);
                break;
            case ArchiveEntryKind.SymbolicLink:
                CheckTarget(entry);
                Names.Set(name, new PackedName { Target = entry.Target });
                _writer.AddSymbolicLink(bytes, HostText.ToBytes(entry.Target), attributes);
                break;
            case ArchiveEntryKind.HardLink:
                AddHardLink(entry, name, bytes);
                break;
            case ArchiveEntryKind.Fifo:
                Names.Set(name, PackedName.Other);
                _writer.AddFifo(bytes, attributes);
                break;
            case ArchiveEntryKind.CharacterDevice or ArchiveEntryKind.BlockDevice:
                Names.Set(name, PackedName.Other);
                _writer.AddDevice(bytes, entry.Kind == ArchiveEntryKind.BlockDevice, entry.DeviceMajor, entry.DeviceMinor, attributes);
                break;
            default:
                CheckSize(entry.Size, name);
                Names.Set(name, new PackedName { File = _writer.AddFile(bytes, entry.Data ?? Stream.Null, entry.Size, attributes) });
                break;
        }

        Finish(name);
    }

    /// <summary>Reads a file that is packed.</summary>
    /// <param name="path">In the guest; links are followed.</param>
    /// <returns>Null when there is none.</returns>
    public byte[]? ReadFile(string path)
    {
        const int Largest = 16 << 20;
        if (!Names.TryResolve(path, followLast: true, out string name)
            || !Names.TryGet(name, out PackedName? packed)
            || packed.File is not { Length: <= Largest } file)
        {
            return null;
        }

        byte[] content = new byte[file.Length];
        long position = output.Position;
        output.Position = _start + file.DataOffset;
        output.ReadExactly(content);
        output.Position = position;
        return content;
    }

    /// <summary>Ends the archive.</summary>
    public void Finish()
    {
        _writer.Finish();
        Progress?.Finish();
    }

    /// <summary>Packs one file, folder or link of the host, unless its name is taken.</summary>
    /// <param name="source">Path on the host.</param>
    /// <param name="name">In the archive, without a leading slash; its folders are there.</param>
    internal void AddHostFile(string source, string name, FileStatus status)
    {
        if (Names.TryGet(name, out PackedName? packed) && !(packed.IsImplicit && status.IsDirectory))
        {
            return;
        }

        ReplaceHostFile(source, name, status);
    }

    /// <summary>Packs one file, folder or link of the host; of what has its name already only a folder stays.</summary>
    internal void ReplaceHostFile(string source, string name, FileStatus status)
    {
        CpioAttributes attributes = Describe(status);
        byte[] bytes = HostText.ToBytes(name);
        if (status.IsDirectory)
        {
            Names.Set(name, PackedName.Folder);
            _writer.AddDirectory(name.Length == 0 ? "."u8 : bytes, attributes);
        }
        else if (status.IsRegular)
        {
            AddData(source, name, status);
        }
        else if (status.IsSymbolicLink)
        {
            string target = HostFile.ReadLink(source) ?? "";
            Names.Set(name, new PackedName { Target = target });
            _writer.AddSymbolicLink(bytes, HostText.ToBytes(target), attributes);
        }
        else if (status.IsFifo)
        {
            Names.Set(name, PackedName.Other);
            _writer.AddFifo(bytes, attributes);
        }
        else if (status.IsCharacterDevice || status.IsBlockDevice)
        {
            Names.Set(name, PackedName.Other);
            _writer.AddDevice(bytes, status.IsBlockDevice, status.DeviceMajor, status.DeviceMinor, attributes);
        }

        // A socket is bound to a process of the host: nothing could be behind it.
        Finish(source);
    }

    /// <summary>Makes the folders that a name lies in, where they are missing.</summary>
    internal void AddParents(string name)
    {
        string parent = PackedNames.GetParent(name);
        if (parent.Length > 0 && !Names.TryGet(parent, out _))
        {
            AddParents(parent);
            Names.Set(parent, PackedName.ImplicitFolder);
            _writer.AddDirectory(HostText.ToBytes(parent), new CpioAttributes(FolderPermissions));
        }
    }

    private static CpioAttributes Describe(FileStatus status) => new(
        status.Permissions,
        status.Uid == s_user ? 0 : status.Uid,
        status.Gid == s_group && s_user != 0 ? 0 : status.Gid,
        status.ModifiedTime);

    private static void CheckTarget(ArchiveEntry entry)
    {
        // PATH_MAX with its NUL.
        const int LongestTarget = 4095;
        if (entry.Target.Length == 0 || entry.Target.Contains('\0') || HostText.ToBytes(entry.Target).Length > LongestTarget)
        {
            throw new ArchiveException($"has a symbolic link without a proper target: {entry.Name}");
        }
    }

    private void AddHardLink(ArchiveEntry entry, string name, byte[] bytes)
    {
        if (entry.Target.Split('/').Contains("..") || !Names.TryResolve(entry.Target, followLast: false, out string target)
            || !Names.TryGet(target, out PackedName? packed) || (packed.File is null && packed.Target is null))
        {
            throw new ArchiveException($"has a hard link, {entry.Name}, to a file that did not come before it: {entry.Target}");
        }

        if (target == name)
        {
            return;
        }

        Names.Set(name, packed);
        if (packed.File is { } file)
        {
            _writer.AddLink(bytes, file);
            return;
        }

        // Two names of one symbolic link: nothing tells them from two links.
        _writer.AddSymbolicLink(
            bytes, HostText.ToBytes(packed.Target!), new CpioAttributes(0x1FF, entry.Uid, entry.Gid, entry.ModifiedTime));
    }

    /// <summary>Finds the name that an entry gets, with links among its folders followed, and makes those folders.</summary>
    /// <returns>False for an entry that changes nothing.</returns>
    private bool TryFindPlace(ArchiveEntry entry, out string name)
    {
        const int LongestName = 255;
        const int LongestPath = 4095;
        string[] parts = entry.Name.Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (parts.Contains(".."))
        {
            throw new ArchiveException($"has an entry outside of its root: {entry.Name}");
        }

        if (entry.Name.Contains('\0') || Array.Exists(parts, part => HostText.ToBytes(part).Length > LongestName))
        {
            throw new ArchiveException($"has an entry whose name no file can have: {entry.Name}");
        }

        if (!Names.TryResolve(entry.Name, followLast: false, out name) || HostText.ToBytes(name).Length > LongestPath)
        {
            throw new ArchiveException($"has an entry that no path leads to: {entry.Name}");
        }

        bool isFolder = entry.Kind == ArchiveEntryKind.Folder;
        if (name.Length == 0)
        {
            return isFolder ? true : throw new ArchiveException("has an entry for its root that is no folder");
        }

        CheckParents(name, entry.Name);
        AddParents(name);
        if (!Names.TryGet(name, out PackedName? packed) || packed.IsFolder == isFolder)
        {
            return true;
        }

        // A link serves as the folder that it leads to, which need not have come yet.
        if (isFolder && packed.Target is not null && Names.TryResolve(name, followLast: true, out name))
        {
            if (name.Length == 0 || (Names.TryGet(name, out packed) && packed.IsFolder))
            {
                return false;
            }

            if (packed is null)
            {
                CheckParents(name, entry.Name);
                AddParents(name);
                return true;
            }
        }

        throw new ArchiveException($"has a folder and another file of one name: {entry.Name}");
    }

    private void CheckParents(string name, string shown)
    {
        for (string parent = PackedNames.GetParent(name); parent.Length > 0; parent = PackedNames.GetParent(parent))
        {
            if (Names.TryGet(parent, out PackedName? packed))
            {
                if (!packed.IsFolder)
                {
                    throw new ArchiveException($"has an entry below something that is no folder: {shown}");
                }

                return;
            }
        }
    }

    private void CheckSize(long size, string name)
    {
        if (size > uint.MaxValue)
        {
            throw new CommandFailedException(
                ExitStatus.Usage, $"{name} cannot be packed: it is larger than the 4 GiB that a file of an initrd can have");
        }

        if (size > Limit.Bytes - Length)
        {
            throw new CommandFailedException(
                ExitStatus.Usage,
                $"the root file system does not fit: with {name} it takes more than {MemorySize.FormatRoughly(Limit.Bytes)}; "
                    + $"{Limit.Reason}\npack less");
        }
    }

    private void AddData(string source, string name, FileStatus status)
    {
        CpioFile? linked = null;
        byte[] bytes = HostText.ToBytes(name);
        if (status.Links > 1 && _linkedFiles.TryGetValue((status.Device, status.Inode), out linked))
        {
            Names.Set(name, new PackedName { File = linked });
            _writer.AddLink(bytes, linked);
            return;
        }

        CheckSize(status.Size, source);
        using FileStream data = Open(source);
        try
        {
            CpioFile file = _writer.AddFile(bytes, data, status.Size, Describe(status));
            Names.Set(name, new PackedName { File = file });
            if (status.Links > 1)
            {
                _linkedFiles[(status.Device, status.Inode)] = file;
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException)
        {
            // The last is what .NET makes of EFBIG, the limit on the size of files.
            bool isFull = failure is ArgumentOutOfRangeException or { HResult: LibC.ENOSPC or LibC.EDQUOT };
            throw new CommandFailedException(
                ExitStatus.Usage,
                $"{(isFull ? $"the root file system cannot be packed, which came to {source}" : $"{source} cannot be packed")}: "
                    + $"{failure.Message}");
        }
    }

    private static FileStream Open(string source)
    {
        try
        {
            return HostFile.OpenStream(source);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // Nothing of it is written yet: whoever can do without the file may go on.
            throw new CommandFailedException(ExitStatus.Usage, $"{source} cannot be packed: {failure.Message}", failure);
        }
    }

    private void Finish(string name)
    {
        Count++;
        Progress?.Report(Count, Length, name);
    }
}

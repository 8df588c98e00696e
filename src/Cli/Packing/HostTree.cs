using Semitone.Cli.Posix;

namespace Semitone.Cli.Packing;

/// <summary>Walks over a folder of the host to pack it.</summary>
/// <remarks>
/// Of another file system's mount only the folder itself is packed where the walk starts at the host's root, and elsewhere where it is one
/// of the kernel's own (proc, sysfs, devtmpfs, ...): they are views of the host, have no end, or do harm when they are read.
/// </remarks>
internal sealed class HostTree(RootFileSystemWriter writer)
{
    private readonly HashSet<string> _walked = new(StringComparer.Ordinal);
    private string? _first;
    private bool _staysOnDevice;
    private bool _passesOverUnreadable;
    private bool _replaces;
    private int _leftOut;
    private string _firstLeftOut = "";

    /// <summary>Says of a path on the host whether it is wanted; null for all.</summary>
    public Func<string, bool>? Takes { get; init; }

    /// <summary>Whether a path leads to the host's own root, by whatever links.</summary>
    public static bool IsHostRoot(string folder) => ResolvedPath.Get(folder) is "/";

    /// <summary>Whether a folder is the mount of a file system that is not walked into.</summary>
    /// <param name="path">Of the folder.</param>
    /// <param name="staysOnDevice">The walk began at the host's root.</param>
    public static bool IsForeignMount(string path, FileStatus status, FileStatus parent, bool staysOnDevice) =>
        status.Device != parent.Device && (staysOnDevice || KernelFileSystem.IsAt(path));

    /// <summary>Packs everything below a folder, which becomes the root.</summary>
    public void AddRoot(string folder)
    {
        string root = HostFile.GetFullPath(folder).TrimEnd('/');
        if (!FileStatus.TryFollow(root + "/", out FileStatus status) || !status.IsDirectory)
        {
            throw new CommandFailedException(ExitStatus.Usage, $"{folder} is not a folder");
        }

        // A live system: not everything in it is the caller's to read, and files come and go.
        _staysOnDevice = IsHostRoot(root + "/");
        _passesOverUnreadable = _staysOnDevice;
        writer.ReplaceHostFile(root + "/", "", status);
        AddChildren(root, "", status);
        ReportLeftOut();
    }

    /// <summary>Packs a path under the name that it has, with all that lies below it and what links in there lead to.</summary>
    public bool TryAdd(string path)
    {
        if (!writer.TryAddPath(path, out string resolved, out FileStatus status))
        {
            return false;
        }

        // A link in a tree to a folder above it would bring in the whole host.
        bool isAbove = _first is not null && (_first + "/").StartsWith(resolved.TrimEnd('/') + "/", StringComparison.Ordinal);
        _first ??= resolved;
        if (status.IsDirectory && !isAbove && _walked.Add(resolved))
        {
            AddChildren(resolved.TrimEnd('/'), resolved.Trim('/'), status, followsLinks: true);
        }

        return true;
    }

    /// <summary>Packs a file or folder under another path; what is there already is replaced.</summary>
    public void AddAs(string source, string path)
    {
        _replaces = true;
        if (!FileStatus.TryFollow(source, out FileStatus status))
        {
            throw new CommandFailedException(ExitStatus.Usage, $"--include: {source}: not found");
        }

        if (!writer.Names.TryResolve(path, followLast: true, out string name) || (name.Length == 0 && !status.IsDirectory))
        {
            throw new CommandFailedException(ExitStatus.Usage, $"--include: {path} cannot be a file of the root file system");
        }

        if (name.Length > 0)
        {
            CheckPlace(name, path);
            writer.AddParents(name);
            Add(source, name, status);
        }

        if (status.IsDirectory)
        {
            AddChildren(source.TrimEnd('/'), name, status);
        }
    }

    private void CheckPlace(string name, string path)
    {
        for (string parent = PackedNames.GetParent(name); parent.Length > 0; parent = PackedNames.GetParent(parent))
        {
            if (writer.Names.TryGet(parent, out PackedName? packed) && !packed.IsFolder)
            {
                throw new CommandFailedException(ExitStatus.Usage, $"--include: {path} lies below /{parent}, which is no folder");
            }
        }
    }

    private void AddChildren(string folder, string name, FileStatus parent, bool followsLinks = false)
    {
        string[] children;
        try
        {
            children = HostFile.List(folder);
        }
        catch (IOException failure) when (_passesOverUnreadable)
        {
            LeaveOut(folder, failure.Message);
            return;
        }
        catch (IOException failure)
        {
            throw new CommandFailedException(ExitStatus.Usage, $"{folder} cannot be read: {failure.Message}");
        }

        foreach (string child in children)
        {
            string path = $"{folder}/{child}";
            if (Takes is not null && !Takes(path))
            {
                continue;
            }

            if (!FileStatus.TryRead(path, out FileStatus status))
            {
                if (!_passesOverUnreadable)
                {
                    throw new CommandFailedException(ExitStatus.Usage, $"{path} vanished while it was being packed");
                }

                continue;
            }

            AddChild(path, name.Length == 0 ? child : $"{name}/{child}", status, parent, followsLinks);
        }
    }

    private void AddChild(string path, string name, FileStatus status, FileStatus parent, bool followsLinks)
    {
        if (followsLinks && status.IsSymbolicLink)
        {
            // Where it leads nowhere it is packed all the same.
            writer.AddHostFile(path, name, status);
            TryAdd(path);
            return;
        }

        if (_replaces && !writer.Names.TryResolve(name, followLast: status.IsDirectory, out name))
        {
            throw new CommandFailedException(ExitStatus.Usage, $"--include: no path leads to /{name}");
        }

        if (!Add(path, name, status) || !status.IsDirectory)
        {
            return;
        }

        if (!IsForeignMount(path, status, parent, _staysOnDevice))
        {
            AddChildren(path, name, status, followsLinks);
        }
    }

    private bool Add(string path, string name, FileStatus status)
    {
        try
        {
            if (!_replaces)
            {
                writer.AddHostFile(path, name, status);
                return true;
            }

            if (writer.Names.TryGet(name, out PackedName? packed) && packed.IsFolder != status.IsDirectory)
            {
                throw new CommandFailedException(ExitStatus.Usage, $"--include: /{name} is a folder on one side and none on the other");
            }

            writer.ReplaceHostFile(path, name, status);
            return true;
        }
        catch (CommandFailedException failure) when (_passesOverUnreadable && failure.InnerException is IOException)
        {
            LeaveOut(path, failure.InnerException.Message);
            return false;
        }
    }

    private void LeaveOut(string path, string reason)
    {
        if (_leftOut++ == 0)
        {
            _firstLeftOut = $"{path}: {reason}";
        }
    }

    private void ReportLeftOut()
    {
        if (_leftOut > 0)
        {
            writer.Progress?.Say($"{_leftOut} files cannot be read and are left out; the first is {_firstLeftOut}");
        }
    }
}

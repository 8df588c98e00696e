using Semitone.Cli.Posix;
using Semitone.Cli.Running;

namespace Semitone.Cli.Packing;

/// <summary>What a folder would take as a root file system, found out before anything is packed.</summary>
/// <remarks>The walk is <see cref="HostTree"/>'s. What cannot be read counts as nothing: packing tells of it.</remarks>
internal sealed class TreeSize
{
    /// <summary>As many of the largest folders are named.</summary>
    private const int Named = 3;

    /// <summary>Of a cpio entry, without its name (newc).</summary>
    private const int HeaderBytes = 110;

    private readonly HashSet<(uint Device, ulong Inode)> _linkedFiles = [];
    private readonly List<(string Path, long Bytes)> _parts = [];
    private readonly PackingProgress? _progress;
    private bool _staysOnDevice;
    private bool _passesOverUnreadable;
    private int _files;
    private long _bytes;

    private TreeSize(PackingProgress? progress) => _progress = progress;

    /// <summary>Refuses a folder whose files take more than fits.</summary>
    /// <param name="folder">As the user named it.</param>
    /// <param name="flag">The flag that named it.</param>
    /// <param name="limit">What fits.</param>
    /// <param name="progress">Told of every file; null for nobody.</param>
    /// <exception cref="CommandFailedException">It is too large.</exception>
    public static void Check(string folder, string flag, RootLimit limit, PackingProgress? progress)
    {
        string root = HostFile.GetFullPath(folder).TrimEnd('/');
        if (!FileStatus.TryFollow(root + "/", out FileStatus status))
        {
            return;
        }

        TreeSize size = new(progress) { _staysOnDevice = HostTree.IsHostRoot(root + "/") };
        size._passesOverUnreadable = size._staysOnDevice && LibC.geteuid() != 0;
        size.AddChildren(root, status, isRoot: true);
        progress?.Finish();
        if (size._bytes > limit.Bytes)
        {
            throw new CommandFailedException(ExitStatus.Usage, size.Describe(folder, flag, limit));
        }
    }

    private string Describe(string folder, string flag, RootLimit limit)
    {
        string sum = $"{flag} {folder}: {_files} files take {MemorySize.FormatRoughly(_bytes)}, and "
            + $"{MemorySize.FormatRoughly(limit.Bytes)} fit: {limit.Reason}";
        IEnumerable<string> largest = _parts.OrderByDescending(part => part.Bytes)
            .Take(Named)
            .Where(part => part.Bytes > 0)
            .Select(part => $"{part.Path} {MemorySize.FormatRoughly(part.Bytes)}");
        string advice = limit.Reason.Contains("--memory", StringComparison.Ordinal)
            ? "give the machine more, or a folder with only what the program needs"
            : "give a folder with only what the program needs; without --rootfs that is found out for a program of this machine";
        return $"{sum}\nthe largest in it: {string.Join(", ", largest)}\n{advice}";
    }

    private void AddChildren(string folder, FileStatus parent, bool isRoot)
    {
        string[] children;
        try
        {
            children = HostFile.List(folder);
        }
        catch (IOException)
        {
            return;
        }

        foreach (string child in children)
        {
            string path = $"{folder}/{child}";
            if (!FileStatus.TryRead(path, out FileStatus status))
            {
                continue;
            }

            long before = _bytes;
            Add(path, status, parent);
            if (isRoot)
            {
                _parts.Add((path, _bytes - before));
            }
        }
    }

    private void Add(string path, FileStatus status, FileStatus parent)
    {
        _files++;
        _bytes += HeaderBytes;
        if (status.IsRegular && (status.Links == 1 || _linkedFiles.Add((status.Device, status.Inode))) && !IsLeftOut(path))
        {
            _bytes += status.Size;
        }

        _progress?.Report(_files, _bytes, path, "counting");
        if (status.IsDirectory && !HostTree.IsForeignMount(path, status, parent, _staysOnDevice))
        {
            AddChildren(path, status, isRoot: false);
        }
    }

    private bool IsLeftOut(string path) => _passesOverUnreadable && LibC.access(HostText.ToCString(path), LibC.R_OK) != 0;
}

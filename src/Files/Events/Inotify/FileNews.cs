using Semitone.Abi;

namespace Semitone.Files;

/// <summary>What there is to tell about a change of names, once it is made: at once, or when somebody else has made it.</summary>
/// <remarks>Made only while something is watched. The file is kept until then, so that its end is told after what ended it.</remarks>
internal sealed class FileNews
{
    private readonly NewsKind _kind;
    private readonly DirectoryInode _parent;
    private readonly byte[] _name;
    private readonly Inode? _inode;
    private readonly DirectoryInode? _newParent;
    private readonly byte[] _newName;
    private readonly Inode? _replaced;

    private FileNews(
        NewsKind kind,
        DirectoryInode parent,
        FileName name,
        Inode? inode,
        DirectoryInode? newParent = null,
        FileName newName = default,
        Inode? replaced = null)
    {
        _kind = kind;
        _parent = parent;
        _name = name.Bytes.ToArray();
        _inode = inode;
        _newParent = newParent;
        _newName = newName.Bytes.ToArray();
        _replaced = replaced;
        _inode?.Retain();
        _replaced?.Retain();
    }

    private enum NewsKind
    {
        Created,
        Linked,
        Removed,
        Moved,
        Exchanged,
    }

    /// <summary>A new file or directory.</summary>
    public static FileNews Created(DirectoryInode parent, FileName name, bool isDirectory) =>
        new(NewsKind.Created, parent, name, null) { IsDirectory = isDirectory };

    /// <summary>Another name of a file.</summary>
    public static FileNews Linked(DirectoryInode parent, FileName name, Inode inode) => new(NewsKind.Linked, parent, name, inode);

    /// <summary>A name that is taken away, or a directory that is removed.</summary>
    public static FileNews Removed(DirectoryInode parent, FileName name, Inode inode) =>
        new(NewsKind.Removed, parent, name, inode) { IsDirectory = inode.IsDirectory };

    /// <summary>A file that gets another name.</summary>
    /// <param name="exchanges">Whether the other file gets its old one.</param>
    public static FileNews Moved(ref PathEnd from, ref PathEnd to, bool exchanges) =>
        new(exchanges ? NewsKind.Exchanged : NewsKind.Moved, from.Parent, from.Name, from.Inode, to.Parent, to.Name, to.Inode);

    private bool IsDirectory { get; init; }

    /// <summary>Tells of the change, if it was made.</summary>
    /// <param name="result">What it came to.</param>
    public void Finish(Errno result)
    {
        InotifyMask kind = IsDirectory ? InotifyMask.IN_ISDIR : InotifyMask.None;
        bool isMade = result == Errno.None;
        if (!isMade)
        {
            Release();
            return;
        }

        switch (_kind)
        {
            case NewsKind.Created:
                FileWatches.Notify(_parent, InotifyMask.IN_CREATE | kind, 0, _name);
                break;
            case NewsKind.Linked:
                FileWatches.Notify(_inode!, InotifyMask.IN_ATTRIB, 0, default);
                FileWatches.Notify(_parent, InotifyMask.IN_CREATE, 0, _name);
                Release();
                break;
            case NewsKind.Removed:
                TellOfLostName(_inode!);
                Release();
                FileWatches.Notify(_parent, InotifyMask.IN_DELETE | kind, 0, _name);
                break;
            default:
                TellOfMove();
                break;
        }
    }

    /// <summary>Tells that a file has a name less; one that has none left, and that nobody uses, is gone when it is released.</summary>
    private static void TellOfLostName(Inode inode)
    {
        if (!inode.IsDirectory)
        {
            FileWatches.Notify(inode, InotifyMask.IN_ATTRIB, 0, default);
        }
        else
        {
            FileWatches.OnRemoved(inode);
        }
    }

    private void TellOfMove()
    {
        FileWatches watches = _parent.FileSystem.Services.Watches;
        watches.OnMoved(_inode!, _parent, _name, _newParent!, _newName);
        if (_kind == NewsKind.Moved && _replaced is { IsDirectory: false } file)
        {
            TellOfLostName(file);
        }

        FileWatches.Notify(_inode!, InotifyMask.IN_MOVE_SELF, 0, default);
        if (_kind == NewsKind.Exchanged)
        {
            watches.OnMoved(_replaced!, _newParent!, _newName, _parent, _name);
            FileWatches.Notify(_replaced!, InotifyMask.IN_MOVE_SELF, 0, default);
        }
        else if (_replaced is { IsDirectory: true } directory)
        {
            FileWatches.OnRemoved(directory);
        }

        Release();
    }

    private void Release()
    {
        _inode?.Release();
        _replaced?.Release();
    }
}

using System.Text;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;

namespace Semitone.Unit.Files;

/// <summary>
/// A read-only file system whose server answers when the test says so: each name and each link's target must be fetched first.
/// </summary>
internal sealed class DistantFileSystem : FileSystem
{
    private readonly List<Action> _questions = [];

    public DistantFileSystem(FileServices services)
        : base(services, 77)
    {
        Top = new Directory(this);
    }

    public override DirectoryInode Root => Top;

    public override string TypeName => "distant";

    public override FileSystemMagic Magic => FileSystemMagic.TMPFS_MAGIC;

    public Directory Top { get; }

    /// <summary>Questions that wait for their answer.</summary>
    public int QuestionCount => _questions.Count;

    /// <summary>Questions that were ever asked.</summary>
    public int AskedCount { get; private set; }

    /// <summary>Answers all questions.</summary>
    public void Answer()
    {
        Action[] answers = [.. _questions];
        _questions.Clear();
        foreach (Action answer in answers)
        {
            answer();
        }
    }

    internal void Ask(Action answer)
    {
        AskedCount++;
        _questions.Add(answer);
    }

    /// <summary>A directory that knows no name until it has asked.</summary>
    internal sealed class Directory(DistantFileSystem fileSystem) : DirectoryInode(fileSystem, fileSystem.NextInodeNumber(), (Mode)0x1FF)
    {
        private readonly Dictionary<string, Inode> _there = [];
        private readonly HashSet<string> _known = [];
        private readonly HashSet<string> _asked = [];
        private readonly WaitQueue _fetches = new();

        private readonly ChangeQueue _changes = new();

        public override WaitQueue? Fetches => _fetches;

        public override bool IsEmpty => _there.Count == 0;

        public Directory AddDirectory(string name)
        {
            Directory directory = new(fileSystem) { Parent = this };
            _there.Add(name, directory);
            return directory;
        }

        public DistantFile AddFile(string name, byte[] contents)
        {
            DistantFile file = new(fileSystem, contents) { Parent = this };
            _there.Add(name, file);
            return file;
        }

        public void AddLink(string name, string target) => _there.Add(name, new Link(fileSystem, target) { Parent = this });

        public override Errno Lookup(FileName name, out Inode? inode)
        {
            string text = Encoding.UTF8.GetString(name.Bytes);
            inode = null;
            if (_known.Contains(text))
            {
                return _there.TryGetValue(text, out inode) ? Errno.None : Errno.ENOENT;
            }

            if (_asked.Add(text))
            {
                fileSystem.Ask(() =>
                {
                    _known.Add(text);
                    _fetches.WakeAll();
                });
            }

            return InternalErrno.MustWait;
        }

        public override ChangeResult Create(FileName name, NewFile attributes, out Inode? inode)
        {
            inode = null;
            string text = Encoding.UTF8.GetString(name.Bytes);
            return Begin(this, change =>
            {
                if (_there.ContainsKey(text))
                {
                    // Somebody else has made it: what was known is known no longer.
                    _known.Remove(text);
                    _asked.Remove(text);
                    return Errno.EEXIST;
                }

                bool isDirectory = (attributes.Mode & Mode.S_IFMT) == Mode.S_IFDIR;
                change.Make(isDirectory ? AddDirectory(text) : AddFile(text, new byte[10]));
                _known.Add(text);
                return Errno.None;
            });
        }

        public override ChangeResult Unlink(FileName name, Inode inode)
        {
            string text = Encoding.UTF8.GetString(name.Bytes);
            return Begin(this, _ => _there.Remove(text) ? Errno.None : Errno.ENOENT);
        }

        public override ChangeResult Rename(FileName oldName, Inode inode, DirectoryInode newParent, FileName newName, Inode? replaced)
        {
            string oldText = Encoding.UTF8.GetString(oldName.Bytes);
            string newText = Encoding.UTF8.GetString(newName.Bytes);
            Directory target = (Directory)newParent;
            return Begin(target, _ =>
            {
                if (!_there.Remove(oldText, out Inode? moved))
                {
                    return Errno.ENOENT;
                }

                target._there[newText] = moved;
                target._known.Add(newText);
                return Errno.None;
            });
        }

        private Change Begin(Directory other, Func<Change, Errno> apply)
        {
            Change change = new(fileSystem, _changes, other._changes, apply);
            change.Submit();
            return change;
        }

        public override bool TryGetEntry(scoped ref long position, out DirectoryEntry entry)
        {
            entry = default;
            return false;
        }
    }

    /// <summary>A change that the server makes when it answers.</summary>
    internal sealed class Change(DistantFileSystem fileSystem, ChangeQueue queue, ChangeQueue other, Func<Change, Errno> apply)
        : PendingChange(queue, other)
    {
        public void Make(Inode inode) => Made = inode;

        protected override void Begin() => fileSystem.Ask(() => Complete(apply(this)));
    }

    private sealed class Link(DistantFileSystem fileSystem, string target) : SymbolicLinkInode(fileSystem, fileSystem.NextInodeNumber())
    {
        private readonly WaitQueue _fetches = new();
        private bool _isKnown;
        private bool _isAsked;

        public override WaitQueue? Fetches => _fetches;

        public override Errno GetTarget(out ReadOnlySpan<byte> result)
        {
            result = default;
            if (_isKnown)
            {
                result = Encoding.UTF8.GetBytes(target);
                return Errno.None;
            }

            if (!_isAsked)
            {
                _isAsked = true;
                fileSystem.Ask(() =>
                {
                    _isKnown = true;
                    _fetches.WakeAll();
                });
            }

            return InternalErrno.MustWait;
        }
    }
}

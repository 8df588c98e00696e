using System.Text;
using Semitone.Abi;

namespace Semitone.Files;

/// <summary>A tree of made-up text files, given as a list of paths. Directories and files become inodes when they are looked up.</summary>
internal abstract class TextTree
{
    /// <summary>The files' paths, those of one directory side by side.</summary>
    public abstract ReadOnlySpan<string> Paths { get; }

    /// <summary>From where on its inodes are numbered, where a file system has several such trees.</summary>
    public virtual ulong NumberBase => 0;

    /// <summary>Makes the text of a file.</summary>
    /// <param name="index">Its place in <see cref="Paths"/>.</param>
    public abstract Errno Write(int index, TextBuilder text);

    /// <summary>Takes what a program writes to a file.</summary>
    public virtual Errno Store(int index, ReadOnlySpan<byte> text) => Errno.EIO;

    public virtual Mode GetPermissions(int index) => (Mode)0x124;

    /// <summary>What mmap(2) of a file answers.</summary>
    public virtual Errno GetMapError(int index) => Errno.ENODEV;

    /// <summary>Told before a file is opened: permissions that bind the superuser, too.</summary>
    public virtual Errno CheckOpen(int index, OpenFlags flags) => Errno.None;
}

/// <summary>A file of a <see cref="TextTree"/>.</summary>
internal sealed class TreeTextFile(FileSystem fileSystem, ulong number, TextTree tree, int index)
    : TextFileInode(fileSystem, number, tree.GetPermissions(index))
{
    /// <remarks>Always ready, as Linux has it for these.</remarks>
    public override bool IsPollable => true;

    public override Errno MapError => tree.GetMapError(index);

    public override Errno Open(OpenFlags flags, out OpenFile? file)
    {
        file = null;
        Errno error = tree.CheckOpen(index, flags);
        return error != Errno.None ? error : base.Open(flags, out file);
    }

    public override Errno Write(TextBuilder text) => tree.Write(index, text);

    public override Errno Store(ReadOnlySpan<byte> text) => tree.Store(index, text);
}

/// <summary>A directory of a <see cref="TextTree"/>.</summary>
/// <param name="prefix">Its path with a slash at the end; empty for the top.</param>
internal sealed class TextTreeDirectory(FileSystem fileSystem, ulong number, TextTree tree, string prefix)
    : ProcDirectory(fileSystem, number, (Mode)0x16D)
{
    // Numbers of files by their index, of directories by that of their first file and their depth.
    private const ulong FirstFileNumber = 0x1_0000;
    private const ulong FirstDirectoryNumber = 0x2_0000;
    private const int DepthShift = 8;

    // Names are ASCII.
    private byte[]? _name;

    public override Errno Lookup(FileName name, out Inode? inode)
    {
        ReadOnlySpan<string> paths = tree.Paths;
        for (int i = 0; i < paths.Length; i++)
        {
            if (TryGetComponent(paths[i], out ReadOnlySpan<char> component, out bool isDirectory) && Ascii.Equals(component, name.Bytes))
            {
                inode = isDirectory
                    ? new TextTreeDirectory(FileSystem, GetDirectoryNumber(i), tree, paths[i][..(prefix.Length + component.Length + 1)])
                    : new TreeTextFile(FileSystem, GetFileNumber(i), tree, i);
                inode.Parent = this;
                inode.SetTimes(FileSystem.NowNs);
                return Errno.None;
            }
        }
        inode = null;
        return Errno.ENOENT;
    }

    public override bool TryGetEntry(scoped ref long position, out DirectoryEntry entry)
    {
        ReadOnlySpan<string> paths = tree.Paths;
        while (position >= 0 && position < paths.Length)
        {
            int index = (int)position++;
            if (!TryGetComponent(paths[index], out ReadOnlySpan<char> component, out bool isDirectory))
            {
                continue;
            }
            bool isSeen = index > 0
                && TryGetComponent(paths[index - 1], out ReadOnlySpan<char> previous, out _)
                && previous.SequenceEqual(component);
            if (isSeen)
            {
                continue;
            }
            if (_name is null || _name.Length < component.Length)
            {
                _name = new byte[Math.Max(32, component.Length)];
            }
            Ascii.FromUtf16(component, _name, out int length);
            entry = new DirectoryEntry(
                _name.AsSpan(0, length),
                isDirectory ? GetDirectoryNumber(index) : GetFileNumber(index),
                isDirectory ? DirentType.DT_DIR : DirentType.DT_REG);
            return true;
        }
        entry = default;
        return false;
    }

    /// <summary>Gets the component of a path that follows after this directory's.</summary>
    private bool TryGetComponent(string path, out ReadOnlySpan<char> component, out bool isDirectory)
    {
        isDirectory = false;
        component = default;
        if (!path.StartsWith(prefix, StringComparison.Ordinal))
        {
            return false;
        }
        component = path.AsSpan(prefix.Length);
        int slash = component.IndexOf('/');
        if (slash >= 0)
        {
            isDirectory = true;
            component = component[..slash];
        }
        return true;
    }

    private ulong GetFileNumber(int index) => tree.NumberBase + FirstFileNumber + (ulong)index;

    private ulong GetDirectoryNumber(int index)
    {
        ReadOnlySpan<string> paths = tree.Paths;
        while (index > 0 && TryGetComponent(paths[index - 1], out ReadOnlySpan<char> previous, out _)
            && TryGetComponent(paths[index], out ReadOnlySpan<char> component, out _) && previous.SequenceEqual(component))
        {
            index--;
        }
        return tree.NumberBase + FirstDirectoryNumber + (ulong)index + ((ulong)prefix.AsSpan().Count('/') << DepthShift);
    }
}

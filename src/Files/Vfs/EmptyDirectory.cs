using Semitone.Abi;

namespace Semitone.Files;

/// <summary>The root of a file system that is never mounted.</summary>
public sealed class EmptyDirectory(FileSystem fileSystem) : DirectoryInode(fileSystem, 1, Mode.None)
{
    public override Errno Lookup(FileName name, out Inode? inode)
    {
        inode = null;
        return Errno.ENOENT;
    }

    public override bool TryGetEntry(scoped ref long position, out DirectoryEntry entry)
    {
        entry = default;
        return false;
    }
}

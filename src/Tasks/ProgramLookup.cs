using Semitone.Abi;
using Semitone.Files;
using Semitone.Loader;
using Semitone.Memory;

namespace Semitone.Tasks;

/// <summary>Finds programs as a process sees them: from its root and working directory, with its rights.</summary>
public sealed class ProgramLookup : IProgramLookup
{
    private readonly FileSystemContext _files;

    public ProgramLookup(FileSystemContext files)
    {
        _files = files;
    }

    /// <inheritdoc/>
    public Errno Open(ReadOnlySpan<byte> path, out IProgramFile? file)
    {
        file = null;
        if (path.IsEmpty)
        {
            return Errno.ENOENT;
        }

        Errno error = _files.Find(_files.WorkingDirectory, path, follow: true, out Inode? inode);
        if (error != Errno.None)
        {
            return error;
        }

        if (inode is not RegularFileInode regular)
        {
            return Errno.EACCES;
        }

        error = _files.Credentials.Check(regular, AccessMode.X_OK);
        if (error == Errno.None && regular.WriterCount != 0)
        {
            error = Errno.ETXTBSY;
        }

        if (error == Errno.None)
        {
            file = new ProgramFile(regular);
        }

        return error;
    }
}

/// <summary>A regular file that is executed.</summary>
public sealed class ProgramFile : IProgramFile
{
    internal ProgramFile(RegularFileInode inode)
    {
        Inode = inode;
    }

    public RegularFileInode Inode { get; }

    /// <inheritdoc/>
    public MemoryObject Pages => Inode.Pages;
}

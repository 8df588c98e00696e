using Semitone.Abi;

namespace Semitone.Loader;

/// <summary>How exec finds files: as the calling process sees them, with its root, working directory and credentials.</summary>
public interface IProgramLookup
{
    /// <summary>Opens a file for execution.</summary>
    /// <param name="path">Absolute, or relative to the working directory.</param>
    /// <param name="file">The file, when the result is None. It must stay as it is until the loader has returned.</param>
    /// <returns>None; ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG as path_resolution(7) has them; EACCES for what is no regular file or may not be
    /// executed; ENOMEM, EIO.</returns>
    Errno Open(ReadOnlySpan<byte> path, out IProgramFile? file);

    /// <summary>Opens the file that is to be executed, wherever the call says that it is; see <see cref="Open"/>.</summary>
    Errno OpenFirst(ReadOnlySpan<byte> path, out IProgramFile? file) => Open(path, out file);

    /// <summary>Finds out whom a program will act as.</summary>
    /// <param name="file">The program itself, and not a script that it interprets.</param>
    /// <returns>None; EPERM where it would get less than it needs to be safe; EIO; <see cref="InternalErrno.MustWait"/>.</returns>
    Errno Identify(IProgramFile file, out ProgramIdentity identity);
}

using Semitone.Abi;

namespace Semitone.Files;

/// <summary>
/// Waits for what an operation on files lacks, or for the end of the change that it has begun, where no thread does: before there is a
/// program.
/// </summary>
public interface IFileWaiter
{
    /// <summary>Asked after each operation of a context.</summary>
    /// <param name="files">The context.</param>
    /// <param name="error">What the operation answered; becomes the result of a change that it has begun, or EIO when whoever keeps the
    /// files does not answer.</param>
    /// <returns>True when it is to be done again, now that what it lacked is there.</returns>
    bool MustRepeat(FileSystemContext files, ref Errno error);
}

using Semitone.Abi;

namespace Semitone.Files;

/// <summary>What open(2) with O_PATH gives: a place in the tree, good for the calls that take a directory and for fstat(2).</summary>
public sealed class OpenPath : OpenFile
{
    public OpenPath(Inode inode, OpenFlags flags)
        : base(inode, flags)
    {
        CanRead = false;
        CanWrite = false;
    }
}

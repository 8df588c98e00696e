using Semitone.Abi;

namespace Semitone.Files;

/// <summary>A symbolic link whose target is kept in memory.</summary>
public sealed class RamSymbolicLink(FileSystem fileSystem, ulong number, byte[] target) : SymbolicLinkInode(fileSystem, number)
{
    public override long Size => target.Length;

    public override Errno GetTarget(out ReadOnlySpan<byte> result)
    {
        result = target;
        return Errno.None;
    }
}

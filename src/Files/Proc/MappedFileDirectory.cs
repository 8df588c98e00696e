using System.Buffers.Text;
using Semitone.Abi;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>/proc/PID/map_files (proc(5)): a link for each mapping of a file, named by its bounds.</summary>
internal sealed class MappedFileDirectory(ProcFileSystem fileSystem, ulong number, int id) : ProcDirectory(fileSystem, number, (Mode)0x140)
{
    private const ulong FirstNumber = 0x300_0000;

    private readonly TextBuilder _name = new();

    /// <summary>The number of a mapping's link: there are fewer mappings than descriptors may have numbers.</summary>
    private ulong GetNumber(int index) => ((ulong)id << ProcFileSystem.ProcessShift) + FirstNumber + (ulong)index;

    public override Errno Lookup(FileName name, out Inode? inode)
    {
        inode = null;
        ReadOnlySpan<byte> text = name.Bytes;
        if (!fileSystem.Processes.TryGet(id, out IProcessInformation? process) || process.AddressSpace is not { } space
            || !TryParse(ref text, out ulong start) || text.IsEmpty || text[0] != (byte)'-')
        {
            return Errno.ENOENT;
        }

        text = text[1..];
        if (!TryParse(ref text, out ulong end)
            || !text.IsEmpty
            || space.FindVma(start) is not { } vma
            || vma.Start != start
            || vma.End != end
                || vma.Object?.File is not Inode)
        {
            return Errno.ENOENT;
        }

        inode = new MappedFileLink(fileSystem, GetNumber(space.Vmas.IndexOf(vma)), id, start, end) { Parent = this };
        inode.SetTimes(fileSystem.NowNs);
        return Errno.None;
    }

    public override bool TryGetEntry(scoped ref long position, out DirectoryEntry entry)
    {
        bool isThere = fileSystem.Processes.TryGet(id, out IProcessInformation? process);
        ReadOnlySpan<Vma> vmas = isThere && process!.AddressSpace is { } space ? space.Vmas : default;
        while (position >= 0 && position < vmas.Length)
        {
            int index = (int)position++;
            Vma vma = vmas[index];
            if (vma.Object?.File is Inode)
            {
                _name.Clear();
                _name.AppendHex(vma.Start).Append('-').AppendHex(vma.End);
                entry = new DirectoryEntry(_name.Bytes, GetNumber(index), DirentType.DT_LNK);
                return true;
            }
        }

        entry = default;
        return false;
    }

    /// <summary>Reads a number as the kernel writes it there: hexadecimal, without leading zeros.</summary>
    private static bool TryParse(ref ReadOnlySpan<byte> text, out ulong value)
    {
        bool isNumber = Utf8Parser.TryParse(text, out value, out int length, 'x') && text[0] != (byte)'0';
        text = text[length..];
        return isNumber;
    }
}

/// <summary>A link of /proc/PID/map_files, which leads to the file even when it has no name any more.</summary>
internal sealed class MappedFileLink(ProcFileSystem fileSystem, ulong number, int id, ulong start, ulong end)
    : JumpLink(fileSystem, number, id)
{
    protected override Inode? Find() =>
        Process?.AddressSpace?.FindVma(start) is { } vma && vma.Start == start && vma.End == end ? vma.Object?.File as Inode : null;
}

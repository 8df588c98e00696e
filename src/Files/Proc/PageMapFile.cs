using System.Buffers.Binary;
using Semitone.Abi;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>/proc/PID/pagemap (proc(5)): 64 bits for each page of the address space.</summary>
internal sealed class PageMapFile(ProcFileSystem fileSystem, ulong number, int id) : Inode(fileSystem, number, Mode.S_IFREG | (Mode)0x100)
{
    public override Errno CheckRightsChange() => Errno.EPERM;

    public override Errno Open(OpenFlags flags, out OpenFile? file)
    {
        file = null;
        if (!fileSystem.Processes.TryGet(id, out IProcessInformation? process) || process.AddressSpace is null)
        {
            return Errno.ESRCH;
        }

        file = fileSystem.Processes.MayInspect(id) ? new OpenPageMap(this, fileSystem, id, flags) : null;
        return file is null ? Errno.EACCES : Errno.None;
    }
}

/// <summary>That file, opened.</summary>
internal sealed class OpenPageMap(PageMapFile inode, ProcFileSystem fileSystem, int id, OpenFlags flags) : OpenFile(inode, flags)
{
    private const ulong LastPage = 0x7FFF_FFFF_F000 / Paging.PageSize;
    private const int EntrySize = sizeof(ulong);
    private const ulong IsMappedOnce = 1UL << 56;
    private const ulong IsOfFile = 1UL << 61;
    private const ulong IsPresent = 1UL << 63;

    private readonly bool _showsFrames = fileSystem.Services.Caller?.Credentials?.Has(Capability.CAP_SYS_ADMIN) == true;

    public override bool IsSeekable => true;

    public override IoResult Read(ref IoCursor destination)
    {
        IoResult result = ReadAt(ref destination, Offset);
        Offset += result.Bytes;
        return result;
    }

    public override IoResult ReadAt(ref IoCursor destination, long offset)
    {
        if (offset % EntrySize != 0 || destination.Remaining % EntrySize != 0)
        {
            return Errno.EINVAL;
        }

        if (!fileSystem.Processes.TryGet(id, out IProcessInformation? process) || process.AddressSpace is not { } space)
        {
            return 0;
        }

        // As far as Linux's addresses of programs go: behind ours there is nothing.
        ulong page = (ulong)offset / EntrySize;
        Span<byte> entry = stackalloc byte[EntrySize];
        for (; page < LastPage && destination.Remaining > 0 && !destination.IsFaulted; page++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(
                entry, page < Paging.UserEnd / Paging.PageSize && space.TryGetPage(page * Paging.PageSize, out PageUse use)
                    ? Describe(in use)
                    : 0);
            destination.Write(entry);
        }

        return destination.ToResult();
    }

    public override Errno Seek(long offset, SeekWhence origin, out long position)
    {
        long start = origin switch
        {
            SeekWhence.SEEK_SET => 0,
            SeekWhence.SEEK_CUR => Offset,
            _ => -1,
        };
        position = 0;
        if (start < 0 || (offset > 0 && start > long.MaxValue - offset) || start + offset < 0)
        {
            return Errno.EINVAL;
        }

        Offset = start + offset;
        position = Offset;
        return Errno.None;
    }

    /// <summary>Who may not know where in memory a page lies sees 0 there; soft-dirty bits are not kept.</summary>
    private ulong Describe(in PageUse use) =>
        IsPresent | (use.IsOwn ? 0 : IsOfFile) | (use.MapCount == 1 ? IsMappedOnce : 0) | (_showsFrames ? use.Frame.Number : 0UL);
}

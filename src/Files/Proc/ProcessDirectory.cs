using System.Buffers.Text;
using System.Text;
using Semitone.Abi;

namespace Semitone.Files;

/// <summary>What there is in /proc/PID.</summary>
internal enum ProcessEntry : byte
{
    Exe,
    Cwd,
    Root,
    Descriptors,
    DescriptorInformation,
    Tasks,
    AuxiliaryVector,
    ControlGroup,
    CommandLine,
    Comm,
    CoreDumpFilter,
    Environment,
    GroupIdMap,
    Io,
    Limits,
    LoginUserId,
    MappedFiles,
    Maps,
    MountInfo,
    Mounts,
    Network,
    NodeMaps,
    OomScore,
    OomScoreAdjustment,
    PageMap,
    Scheduling,
    SchedulingStatistics,
    SessionId,
    SetGroups,
    Smaps,
    SmapsRollup,
    Stat,
    StatM,
    Status,
    UserIdMap,
    WaitChannel,
    Children,
    Count,
}

/// <summary>/proc/PID, and /proc/PID/task/TID, which has the same files.</summary>
internal sealed class ProcessDirectory(ProcFileSystem fileSystem, int id, bool isThread)
    : ProcDirectory(fileSystem, isThread ? GetThreadNumber(id) : GetNumber(id), (Mode)0x16D)
{
    private const int ThreadFlag = 1 << 20;

    public static ulong GetNumber(int id) => ((ulong)id << ProcFileSystem.ProcessShift) | 1;

    public static ulong GetThreadNumber(int id) => GetNumber(id) | ThreadFlag;

    public override Errno Lookup(FileName name, out Inode? inode)
    {
        inode = null;
        if (!fileSystem.Processes.TryGet(id, out IProcessInformation? process))
        {
            return Errno.ENOENT;
        }
        for (ProcessEntry entry = 0; entry < ProcessEntry.Count; entry++)
        {
            if (name.Bytes.SequenceEqual(GetName(entry)) && IsHere(entry))
            {
                inode = Make(entry);
                inode.Parent = this;
                inode.SetTimes(fileSystem.NowNs);
                ProcOwner.Set(inode, process, id);
                return Errno.None;
            }
        }
        return Errno.ENOENT;
    }

    public override bool TryGetEntry(scoped ref long position, out DirectoryEntry entry)
    {
        while (position >= 0 && position < (long)ProcessEntry.Count && !IsHere((ProcessEntry)position))
        {
            position++;
        }
        if (position < 0 || position >= (long)ProcessEntry.Count)
        {
            entry = default;
            return false;
        }
        ProcessEntry which = (ProcessEntry)position++;
        DirentType type = which switch
        {
            ProcessEntry.Exe or ProcessEntry.Cwd or ProcessEntry.Root => DirentType.DT_LNK,
            ProcessEntry.Descriptors or ProcessEntry.DescriptorInformation or ProcessEntry.MappedFiles or ProcessEntry.Network
                or ProcessEntry.Tasks => DirentType.DT_DIR,
            _ => DirentType.DT_REG,
        };
        entry = new DirectoryEntry(GetName(which), GetEntryNumber(which), type);
        return true;
    }

    /// <summary>Tells what processes have and single threads have not, and the other way round.</summary>
    private bool IsHere(ProcessEntry entry) => entry switch
    {
        ProcessEntry.Tasks or ProcessEntry.MappedFiles or ProcessEntry.CoreDumpFilter => !isThread,
        ProcessEntry.Children => isThread,
        _ => true,
    };

    private static ReadOnlySpan<byte> GetName(ProcessEntry entry) => entry switch
    {
        ProcessEntry.Exe => "exe"u8,
        ProcessEntry.Cwd => "cwd"u8,
        ProcessEntry.Root => "root"u8,
        ProcessEntry.Descriptors => "fd"u8,
        ProcessEntry.DescriptorInformation => "fdinfo"u8,
        ProcessEntry.Tasks => "task"u8,
        ProcessEntry.AuxiliaryVector => "auxv"u8,
        ProcessEntry.ControlGroup => "cgroup"u8,
        ProcessEntry.CommandLine => "cmdline"u8,
        ProcessEntry.Comm => "comm"u8,
        ProcessEntry.CoreDumpFilter => "coredump_filter"u8,
        ProcessEntry.Environment => "environ"u8,
        ProcessEntry.GroupIdMap => "gid_map"u8,
        ProcessEntry.Io => "io"u8,
        ProcessEntry.Limits => "limits"u8,
        ProcessEntry.LoginUserId => "loginuid"u8,
        ProcessEntry.MappedFiles => "map_files"u8,
        ProcessEntry.Maps => "maps"u8,
        ProcessEntry.MountInfo => "mountinfo"u8,
        ProcessEntry.Mounts => "mounts"u8,
        ProcessEntry.Network => "net"u8,
        ProcessEntry.NodeMaps => "numa_maps"u8,
        ProcessEntry.OomScore => "oom_score"u8,
        ProcessEntry.OomScoreAdjustment => "oom_score_adj"u8,
        ProcessEntry.PageMap => "pagemap"u8,
        ProcessEntry.Scheduling => "sched"u8,
        ProcessEntry.SchedulingStatistics => "schedstat"u8,
        ProcessEntry.Smaps => "smaps"u8,
        ProcessEntry.SmapsRollup => "smaps_rollup"u8,
        ProcessEntry.Stat => "stat"u8,
        ProcessEntry.StatM => "statm"u8,
        ProcessEntry.SessionId => "sessionid"u8,
        ProcessEntry.SetGroups => "setgroups"u8,
        ProcessEntry.UserIdMap => "uid_map"u8,
        ProcessEntry.WaitChannel => "wchan"u8,
        ProcessEntry.Children => "children"u8,
        _ => "status"u8,
    };

    private ulong GetEntryNumber(ProcessEntry entry) => Number + ((ulong)entry << 1) + 2;

    private Inode Make(ProcessEntry entry) => entry switch
    {
        ProcessEntry.Exe or ProcessEntry.Cwd or ProcessEntry.Root => new ProcessLink(fileSystem, GetEntryNumber(entry), id, entry),
        ProcessEntry.Descriptors => new DescriptorDirectory(fileSystem, GetEntryNumber(entry), id, isInformation: false),
        ProcessEntry.DescriptorInformation => new DescriptorDirectory(fileSystem, GetEntryNumber(entry), id, isInformation: true),
        ProcessEntry.MappedFiles => new MappedFileDirectory(fileSystem, GetEntryNumber(entry), id),
        ProcessEntry.Network => new TextTreeDirectory(fileSystem, GetEntryNumber(entry), fileSystem.Network, string.Empty),
        ProcessEntry.PageMap => new PageMapFile(fileSystem, GetEntryNumber(entry), id),
        ProcessEntry.Tasks => new TaskDirectory(fileSystem, GetEntryNumber(entry), id),
        _ => new ProcessTextFile(fileSystem, GetEntryNumber(entry), id, isThread, entry),
    };
}

/// <summary>Whose the files of /proc/PID are (proc(5)).</summary>
internal static class ProcOwner
{
    /// <summary>
    /// Gives a file to the effective user of a thread; or to the superuser, where nobody else is to look into the process.
    /// </summary>
    public static void Set(Inode inode, IProcessInformation process, int threadId)
    {
        const Mode OpenDirectory = Mode.S_IFDIR | (Mode)0x16D;
        if ((process.IsDumpable || inode.Mode == OpenDirectory) && process.TryGetThread(threadId, out ThreadInformation thread))
        {
            inode.UserId = thread.UserIds.Effective;
            inode.GroupId = thread.GroupIds.Effective;
        }
    }
}

/// <summary>/proc/PID/task.</summary>
internal sealed class TaskDirectory(ProcFileSystem fileSystem, ulong number, int id) : ProcDirectory(fileSystem, number, (Mode)0x16D)
{
    private readonly byte[] _name = new byte[16];

    public override Errno Lookup(FileName name, out Inode? inode)
    {
        inode = null;
        if (!ProcNumber.TryParse(name.Bytes, out int threadId) || !fileSystem.Processes.TryGet(id, out IProcessInformation? process)
            || !process.TryGetThread(threadId, out _))
        {
            return Errno.ENOENT;
        }
        inode = new ProcessDirectory(fileSystem, threadId, isThread: true) { Parent = this };
        inode.SetTimes(fileSystem.NowNs);
        ProcOwner.Set(inode, process, threadId);
        return Errno.None;
    }

    public override bool TryGetEntry(scoped ref long position, out DirectoryEntry entry)
    {
        if (position >= 0 && position < int.MaxValue && fileSystem.Processes.TryGet(id, out IProcessInformation? process)
            && process.TryGetNextThread((int)position, out int threadId))
        {
            position = threadId + 1L;
            Utf8Formatter.TryFormat(threadId, _name, out int length);
            entry = new DirectoryEntry(_name.AsSpan(0, length), ProcessDirectory.GetThreadNumber(threadId), DirentType.DT_DIR);
            return true;
        }
        entry = default;
        return false;
    }
}

/// <summary>/proc/PID/fd, and /proc/PID/fdinfo, which has a text for each descriptor in place of a link.</summary>
internal sealed class DescriptorDirectory(ProcFileSystem fileSystem, ulong number, int id, bool isInformation)
    : ProcDirectory(fileSystem, number, (Mode)(isInformation ? 0x16D : 0x140))
{
    private const ulong FirstNumber = 0x100_0000;
    private const ulong FirstInformationNumber = 0x200_0000;

    private readonly byte[] _name = new byte[16];

    public override Errno Lookup(FileName name, out Inode? inode)
    {
        inode = null;
        if (!ProcNumber.TryParse(name.Bytes, out int fd) || !fileSystem.Processes.TryGet(id, out IProcessInformation? process)
            || process.AddressSpace is null || !process.Files.TryGetAny(new Fd(fd), out _, out _))
        {
            return Errno.ENOENT;
        }
        inode = isInformation
            ? new DescriptorInformationFile(fileSystem, GetNumber(fd), id, new Fd(fd)) { Parent = this }
            : new DescriptorLink(fileSystem, GetNumber(fd), id, new Fd(fd)) { Parent = this };
        inode.SetTimes(fileSystem.NowNs);
        ProcOwner.Set(inode, process, id);
        return Errno.None;
    }

    public override bool TryGetEntry(scoped ref long position, out DirectoryEntry entry)
    {
        if (position >= 0 && position < int.MaxValue && fileSystem.Processes.TryGet(id, out IProcessInformation? process)
            && process.AddressSpace is not null && process.Files.TryFindNext((int)position, out Fd fd))
        {
            position = fd.Number + 1L;
            Utf8Formatter.TryFormat(fd.Number, _name, out int length);
            DirentType type = isInformation ? DirentType.DT_REG : DirentType.DT_LNK;
            entry = new DirectoryEntry(_name.AsSpan(0, length), GetNumber(fd.Number), type);
            return true;
        }
        entry = default;
        return false;
    }

    private ulong GetNumber(int fd) =>
        ((ulong)id << ProcFileSystem.ProcessShift) + (isInformation ? FirstInformationNumber : FirstNumber) + (ulong)fd;
}

/// <summary>A link of /proc that leads to a file that somebody has, whatever its name is now.</summary>
/// <remarks>Where it leads is for those who may look into the process (proc(5)).</remarks>
/// <param name="id">Whose it is: a process or a thread.</param>
internal abstract class JumpLink(ProcFileSystem fileSystem, ulong number, int id) : SymbolicLinkInode(fileSystem, number)
{
    /// <summary>What stands behind the path of a file that was removed.</summary>
    private static ReadOnlySpan<byte> Deleted => " (deleted)"u8;

    public override Errno JumpError => fileSystem.Processes.MayInspect(id) ? Errno.ENOENT : Errno.EACCES;

    protected ProcFileSystem ProcFileSystem => fileSystem;

    /// <summary>The process; null where it has ended, and has none of what links lead to any more.</summary>
    protected IProcessInformation? Process =>
        fileSystem.Processes.TryGet(id, out IProcessInformation? process) && process.AddressSpace is not null ? process : null;

    public sealed override bool TryJump(out Inode? inode)
    {
        inode = fileSystem.Processes.MayInspect(id) ? Find() : null;
        return true;
    }

    public override Errno GetTarget(out ReadOnlySpan<byte> target)
    {
        target = default;
        if (!TryJump(out Inode? inode) || inode is null)
        {
            return JumpError;
        }
        if (inode.Description is { } description)
        {
            target = Encoding.UTF8.GetBytes(description);
            return Errno.None;
        }
        byte[] buffer = new byte[FileLimits.PATH_MAX];
        switch (FileSystemContext.GetPath(ProcFileSystem.CurrentRoot, inode, buffer.AsSpan(0, buffer.Length - Deleted.Length), out target))
        {
            case PathFate.TooLong:
                return Errno.ENAMETOOLONG;
            case PathFate.Removed:
                Deleted.CopyTo(buffer.AsSpan(buffer.Length - Deleted.Length));
                target = buffer.AsSpan(buffer.Length - Deleted.Length - target.Length);
                return Errno.None;
            default:
                return Errno.None;
        }
    }

    /// <summary>Finds what the link leads to; null where there is nothing.</summary>
    protected abstract Inode? Find();
}

/// <summary>/proc/PID/exe, cwd and root.</summary>
internal sealed class ProcessLink(ProcFileSystem fileSystem, ulong number, int id, ProcessEntry entry) : JumpLink(fileSystem, number, id)
{
    protected override Inode? Find() => entry switch
    {
        ProcessEntry.Exe => Process?.Executable,
        ProcessEntry.Cwd => Process?.FileSystem.WorkingDirectory,
        _ => Process?.FileSystem.Root,
    };
}

/// <summary>/proc/PID/fdinfo/N.</summary>
internal sealed class DescriptorInformationFile(ProcFileSystem fileSystem, ulong number, int id, Fd fd)
    : TextFileInode(fileSystem, number, (Mode)0x124)
{
    public override Errno Write(TextBuilder text)
    {
        if (!fileSystem.Processes.TryGet(id, out IProcessInformation? process) || !process.Files.TryGetAny(fd, out OpenFile? file, out _))
        {
            return Errno.ENOENT;
        }
        OpenFlags flags = process.Files.IsCloseOnExec(fd) ? file.Flags | OpenFlags.O_CLOEXEC : file.Flags;
        text.Append("pos:\t"u8).Append(file.Offset).Append("\nflags:\t"u8).AppendOctal((uint)flags)
            .Append("\nmnt_id:\t"u8).Append(fileSystem.Mounts.GetMountId(file.Inode.FileSystem))
            .Append("\nino:\t"u8).Append(file.Inode.Number).Append('\n');
        file.Describe(text);
        return Errno.None;
    }
}

/// <summary>/proc/PID/fd/N.</summary>
internal sealed class DescriptorLink(ProcFileSystem fileSystem, ulong number, int id, Fd fd) : JumpLink(fileSystem, number, id)
{
    protected override Inode? Find()
    {
        OpenFile? file = null;
        Process?.Files.TryGetAny(fd, out file, out _);
        return file?.Inode;
    }
}

using System.Buffers.Text;
using System.Text;
using Semitone.Abi;
using Semitone.Machine;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>The text files of /proc/PID.</summary>
internal sealed class ProcessTextFile(ProcFileSystem fileSystem, ulong number, int id, bool isThread, ProcessEntry entry)
    : TextFileInode(fileSystem, number, GetPermissions(entry))
{
    private const int KibPerPage = Paging.PageSize / 1024;
    private const long NsPerTick = 10_000_000;

    /// <summary>The kinds of memory that core(5) tells apart.</summary>
    private const uint CoreDumpFilterMask = 0x1FF;

    /// <summary>The priority of a thread that is neither nice nor the opposite.</summary>
    private const int NeutralPriority = 20;

    public override bool IsPollable => entry is ProcessEntry.Mounts or ProcessEntry.MountInfo;

    /// <summary>Whether what it tells of the memory is only for those who may look into the process.</summary>
    private bool IsPrivate => entry is ProcessEntry.Maps or ProcessEntry.Smaps or ProcessEntry.SmapsRollup or ProcessEntry.NodeMaps
        or ProcessEntry.Environment or ProcessEntry.AuxiliaryVector;

    public override Errno Open(OpenFlags flags, out OpenFile? file)
    {
        file = null;
        bool hasMemory = fileSystem.Processes.TryGet(id, out IProcessInformation? process) && process.AddressSpace is not null;
        if (!hasMemory && entry is (ProcessEntry.Environment or ProcessEntry.AuxiliaryVector))
        {
            return Errno.ESRCH;
        }

        return hasMemory && IsPrivate && !fileSystem.Processes.MayInspect(id) ? Errno.EACCES : base.Open(flags, out file);
    }

    public override Errno Store(ReadOnlySpan<byte> text)
    {
        if (!fileSystem.Processes.TryGet(id, out IProcessInformation? process))
        {
            return Errno.ESRCH;
        }
        switch (entry)
        {
            case ProcessEntry.Comm:
                return process.SetThreadName(isThread ? id : process.Id, text);
            case ProcessEntry.OomScoreAdjustment:
                const int Longest = 12;
                text = text[..Math.Min(text.Length, Longest)];
                text = text[Ascii.Trim(text)];
                bool isNumber = Utf8Parser.TryParse(text, out int value, out int length) && length == text.Length;
                return isNumber ? process.SetOomAdjustment(value) : Errno.EINVAL;
            case ProcessEntry.CoreDumpFilter:
                Errno error = NumberText.TryParse(text, out uint filter);
                if (error == Errno.None)
                {
                    process.CoreDumpFilter = filter & CoreDumpFilterMask;
                }
                return error;
            default:
                return Errno.EINVAL;
        }
    }

    public override Errno Write(TextBuilder text)
    {
        if (!fileSystem.Processes.TryGet(id, out IProcessInformation? process)
            || !process.TryGetThread(isThread ? id : process.Id, out ThreadInformation thread))
        {
            return Errno.ESRCH;
        }
        ProcessMemoryLayout layout = process.Layout;
        switch (entry)
        {
            case ProcessEntry.AuxiliaryVector:
                text.Append(process.AddressSpace is null ? default : process.AuxiliaryVector);
                break;
            case ProcessEntry.ControlGroup:
                text.Append("0::/\n"u8);
                break;
            case ProcessEntry.CommandLine:
                CopyFromProcess(process, layout.ArgumentStart, layout.ArgumentEnd, text);
                break;
            case ProcessEntry.Environment:
                CopyFromProcess(process, layout.EnvironmentStart, layout.EnvironmentEnd, text);
                break;
            case ProcessEntry.Comm:
                text.Append(thread.Name).Append('\n');
                break;
            case ProcessEntry.Io when !fileSystem.Processes.MayInspect(id):
                return Errno.EACCES;
            case ProcessEntry.Children:
                for (int index = 0; process.TryGetChild(id, ref index, out int childId); index++)
                {
                    text.Append(childId).Append(' ');
                }
                break;
            case ProcessEntry.Io:
                WriteTransfers(isThread ? thread.Io : process.Io, text);
                break;
            case ProcessEntry.Limits:
                WriteLimits(process, text);
                break;
            case ProcessEntry.Maps or ProcessEntry.Smaps or ProcessEntry.SmapsRollup or ProcessEntry.NodeMaps:
                return WriteMappings(process, text);
            case ProcessEntry.CoreDumpFilter:
                text.AppendHex(process.CoreDumpFilter, 8).Append('\n');
                break;
            case ProcessEntry.Scheduling:
                WriteScheduling(process, thread, text);
                break;
            case ProcessEntry.SchedulingStatistics:
                // How long threads wait for the CPU is not measured, and this is what Linux says then.
                text.Append("0 0 0\n"u8);
                break;
            case ProcessEntry.MountInfo:
                WriteMounts(text, withIds: true);
                break;
            case ProcessEntry.Mounts:
                WriteMounts(text, withIds: false);
                break;
            case ProcessEntry.OomScore:
                text.Append(process.OomScore).Append('\n');
                break;
            case ProcessEntry.OomScoreAdjustment:
                text.Append(process.OomAdjustment).Append('\n');
                break;
            case ProcessEntry.LoginUserId or ProcessEntry.SessionId:
                // Nobody has logged in (proc(5), sessionid): the ID that stands for none.
                text.Append(uint.MaxValue);
                break;
            case ProcessEntry.UserIdMap or ProcessEntry.GroupIdMap:
                text.Append("         0          0 4294967295\n"u8);
                break;
            case ProcessEntry.SetGroups:
                text.Append("allow\n"u8);
                break;
            case ProcessEntry.WaitChannel:
                text.Append('0');
                break;
            case ProcessEntry.Stat:
                WriteStat(process, thread, text);
                break;
            case ProcessEntry.StatM:
                WriteMemory(process, text);
                break;
            default:
                WriteStatus(process, thread, text);
                break;
        }
        return Errno.None;
    }

    private static Mode GetPermissions(ProcessEntry entry) => (Mode)(entry switch
    {
        ProcessEntry.AuxiliaryVector or ProcessEntry.Environment or ProcessEntry.Io => 0x100,
        ProcessEntry.Comm or ProcessEntry.CoreDumpFilter or ProcessEntry.OomScoreAdjustment => 0x1A4,
        _ => 0x124,
    });

    private static void CopyFromProcess(IProcessInformation process, ulong start, ulong end, TextBuilder text)
    {
        Span<byte> chunk = stackalloc byte[256];
        while (process.AddressSpace is { } space && start < end)
        {
            int count = space.Memory.CopyIn(start, chunk[..(int)Math.Min((ulong)chunk.Length, end - start)]);
            if (count == 0)
            {
                return;
            }
            text.Append(chunk[..count]);
            start += (ulong)count;
        }
    }

    private Errno WriteMappings(IProcessInformation process, TextBuilder text)
    {
        if (process.AddressSpace is not { } space)
        {
            return entry == ProcessEntry.SmapsRollup ? Errno.ESRCH : Errno.None;
        }
        switch (entry)
        {
            case ProcessEntry.Smaps:
                ProcessMemoryText.WriteSmaps(space, text);
                break;
            case ProcessEntry.SmapsRollup:
                ProcessMemoryText.WriteRollup(space, text);
                break;
            case ProcessEntry.NodeMaps:
                ProcessMemoryText.WriteNodes(space, text);
                break;
            default:
                ProcessMemoryText.WriteMaps(space, text);
                break;
        }
        return Errno.None;
    }

    /// <summary>Writes io. The last three lines tell of storage: no file here has its pages anywhere but in memory.</summary>
    private static void WriteTransfers(in IoCounters io, TextBuilder text) =>
        text.Append("rchar: "u8).Append(io.BytesRead).Append("\nwchar: "u8).Append(io.BytesWritten).Append("\nsyscr: "u8)
            .Append(io.ReadCalls).Append("\nsyscw: "u8).Append(io.WriteCalls)
            .Append("\nread_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n"u8);

    /// <summary>Writes sched: of what Linux's scheduler says, what this one counts.</summary>
    private void WriteScheduling(IProcessInformation process, ThreadInformation thread, TextBuilder text)
    {
        // Linux's number for a thread of nice 0, below those with a real-time policy.
        const int NormalPriority = 120;
        const int ValueColumn = 45;
        const int ValueWidth = 23;
        const int NsPerMillisecond = 1_000_000;
        const int FractionDigits = 7;
        text.Append(thread.Name).Append(" ("u8).Append(isThread ? id : process.Id).Append(", #threads: "u8).Append(process.ThreadCount)
            .Append(")\n-------------------------------------------------------------------\n"u8);
        int start = text.Length;
        text.Append("se.sum_exec_runtime"u8).PadLine(start, ValueColumn).Append(':')
            .AppendPadded(thread.CpuTimeNs / NsPerMillisecond, ValueWidth - FractionDigits - 1).Append('.')
            .AppendDigits(thread.CpuTimeNs % NsPerMillisecond, FractionDigits - 1).Append('\n');
        Line("nr_switches"u8, thread.VoluntarySwitches + thread.InvoluntarySwitches);
        Line("nr_voluntary_switches"u8, thread.VoluntarySwitches);
        Line("nr_involuntary_switches"u8, thread.InvoluntarySwitches);
        Line("policy"u8, (long)thread.Policy);
        Line("prio"u8, NormalPriority + thread.Nice);

        void Line(ReadOnlySpan<byte> name, long value)
        {
            int lineStart = text.Length;
            text.Append(name).PadLine(lineStart, ValueColumn).Append(':').AppendPadded(value, ValueWidth - 2).Append('\n');
        }
    }

    private static void WriteMemory(IProcessInformation process, TextBuilder text)
    {
        AddressSpace? space = process.AddressSpace;
        long size = (long)((space?.Size ?? 0) / Paging.PageSize);
        long code = (long)((process.Layout.CodeEnd - process.Layout.CodeStart) / Paging.PageSize);
        long data = (long)((space?.DataSize ?? 0) / Paging.PageSize);
        text.Append(size).Append(' ').Append(space?.ResidentPageCount ?? 0).Append(" 0 "u8).Append(code).Append(" 0 "u8).Append(data)
            .Append(" 0\n"u8);
    }

    private static void WriteLimits(IProcessInformation process, TextBuilder text)
    {
        text.Append("Limit                     Soft Limit           Hard Limit           Units     \n"u8);
        ReadOnlySpan<string> names =
        [
            "Max cpu time", "Max file size", "Max data size", "Max stack size", "Max core file size", "Max resident set", "Max processes",
            "Max open files",
            "Max locked memory", "Max address space", "Max file locks", "Max pending signals", "Max msgqueue size", "Max nice priority",
            "Max realtime priority", "Max realtime timeout",
        ];
        ReadOnlySpan<string> units =
        [
            "seconds", "bytes", "bytes", "bytes", "bytes", "bytes", "processes", "files", "bytes", "bytes", "locks", "signals", "bytes",
            string.Empty, string.Empty, "us",
        ];
        for (int i = 0; i < names.Length; i++)
        {
            Rlimit limit = process.GetLimit((RlimitResource)i);
            int start = text.Length;
            text.Append(names[i]).PadLine(start, 26);
            AppendLimit(text, limit.rlim_cur).PadLine(start, 47);
            AppendLimit(text, limit.rlim_max).PadLine(start, 68);
            text.Append(units[i]).PadLine(start, 78).Append('\n');
        }
    }

    private static TextBuilder AppendLimit(TextBuilder text, ulong value) =>
        value == Rlimit.RLIM_INFINITY ? text.Append("unlimited"u8) : text.Append(value);

    private void WriteMounts(TextBuilder text, bool withIds)
    {
        byte[] buffer = new byte[FileLimits.PATH_MAX];
        int rootId = fileSystem.Mounts.Mounts[0].Id;
        foreach (Mount mount in fileSystem.Mounts.Mounts)
        {
            FileSystem mounted = mount.FileSystem;
            ReadOnlySpan<byte> path = "/"u8;
            if (mounted.MountPoint is { } mountPoint)
            {
                FileSystemContext.GetPath(null, mountPoint, buffer, out path);
            }
            ReadOnlySpan<byte> access = mounted.IsReadOnly ? "ro"u8 : "rw"u8;
            if (withIds)
            {
                text.Append(mount.Id).Append(' ').Append(mount.Id == rootId ? 1 : rootId).Append(' ').Append(mounted.Device.Major)
                    .Append(':')
                        .Append(mounted.Device.Minor).Append(" / "u8).Append(path).Append(' ').Append(access).Append(",relatime - "u8)
                        .Append(mounted.TypeName).Append(' ').Append(mount.Source).Append(' ').Append(access).Append(mounted.MountOptions)
                        .Append('\n');
            }
            else
            {
                text.Append(mount.Source).Append(' ').Append(path).Append(' ').Append(mounted.TypeName).Append(' ').Append(access)
                    .Append(",relatime"u8).Append(mounted.MountOptions).Append(" 0 0\n"u8);
            }
        }
    }

    private void WriteStat(IProcessInformation process, ThreadInformation thread, TextBuilder text)
    {
        AddressSpace? space = process.AddressSpace;
        ProcessMemoryLayout layout = process.Layout;
        (SignalSet Pending, SignalSet Ignored, SignalSet Caught) signals = process.Signals;
        (long own, long children) = process.CpuTimesNs;
        Terminal? terminal = process.ControllingTerminal;
        text.Append(isThread ? id : process.Id).Append(" ("u8).Append(thread.Name).Append(") "u8).Append(thread.State).Append(' ')
            .Append(process.ParentId).Append(' ').Append(process.GroupId).Append(' ').Append(process.SessionId)
            // tty_nr, tpgid, flags, four fault counts.
            .Append(' ').Append((int)(terminal?.Number.Encoded ?? 0)).Append(' ').Append(terminal?.Session.ForegroundGroup ?? -1)
            .Append(" 0 0 0 0 0 "u8)
            // utime, stime, cutime, cstime, priority, nice, threads, itrealvalue, starttime.
            .Append((isThread ? thread.CpuTimeNs : own) / NsPerTick).Append(" 0 "u8).Append(children / NsPerTick).Append(" 0 "u8)
            .Append(NeutralPriority + thread.Nice).Append(' ').Append(thread.Nice).Append(' ').Append(process.ThreadCount).Append(" 0 "u8)
            .Append(process.StartTimeNs / NsPerTick).Append(' ')
            .Append(space?.Size ?? 0).Append(' ').Append(space?.ResidentPageCount ?? 0).Append(' ')
            .Append(process.GetLimit(RlimitResource.RLIMIT_RSS).rlim_cur).Append(' ').Append(layout.CodeStart).Append(' ')
            .Append(layout.CodeEnd).Append(' ').Append(layout.StackStart)
            // esp, eip; signals; wchan and two that are always 0; exit_signal, processor, and scheduling.
            .Append(" 0 0 "u8).Append(thread.Pending.Bits).Append(' ').Append(thread.Blocked.Bits).Append(' ')
            .Append(signals.Ignored.Bits).Append(' ').Append(signals.Caught.Bits).Append(" 0 0 0 17 0 0 0 0 0 0 "u8)
            // start_data, end_data, start_brk; the strings; exit_code.
            .Append("0 0 "u8).Append(space?.BreakStart ?? 0).Append(' ').Append(layout.ArgumentStart).Append(' ')
            .Append(layout.ArgumentEnd).Append(' ')
            .Append(layout.EnvironmentStart).Append(' ').Append(layout.EnvironmentEnd).Append(" 0\n"u8);
    }

    private void WriteStatus(IProcessInformation process, ThreadInformation thread, TextBuilder text)
    {
        AddressSpace? space = process.AddressSpace;
        (SignalSet Pending, SignalSet Ignored, SignalSet Caught) signals = process.Signals;
        text.Append("Name:\t"u8).Append(thread.Name).Append("\nUmask:\t"u8).AppendOctal((uint)process.FileSystem.Umask)
            .Append("\nState:\t"u8).Append(thread.State).Append(GetStateName(thread.State))
            .Append("\nTgid:\t"u8).Append(process.Id).Append("\nNgid:\t0\nPid:\t"u8).Append(isThread ? id : process.Id)
            .Append("\nPPid:\t"u8).Append(process.ParentId).Append("\nTracerPid:\t0"u8);
        AppendIds(text.Append("\nUid:"u8), thread.UserIds);
        AppendIds(text.Append("\nGid:"u8), thread.GroupIds);
        text.Append("\nFDSize:\t"u8).Append(process.Files.Length).Append("\nGroups:\t"u8);
        foreach (uint group in thread.Groups)
        {
            text.Append((ulong)group).Append(' ');
        }
        if (space is not null)
        {
            long resident = space.ResidentPageCount * KibPerPage;
            AppendKib(text.Append("\nVmPeak:\t"u8), (long)(space.Size / 1024));
            AppendKib(text.Append("\nVmSize:\t"u8), (long)(space.Size / 1024));
            AppendKib(text.Append("\nVmLck:\t"u8), (long)(space.LockedSize / 1024));
            AppendKib(text.Append("\nVmHWM:\t"u8), resident);
            AppendKib(text.Append("\nVmRSS:\t"u8), resident);
            AppendKib(text.Append("\nVmData:\t"u8), (long)(space.DataSize / 1024));
            AppendKib(text.Append("\nVmSwap:\t"u8), 0);
        }
        text.Append("\nThreads:\t"u8).Append(process.ThreadCount);
        text.Append("\nSigPnd:\t"u8).AppendHex(thread.Pending.Bits, 16).Append("\nShdPnd:\t"u8).AppendHex(signals.Pending.Bits, 16)
            .Append("\nSigBlk:\t"u8).AppendHex(thread.Blocked.Bits, 16).Append("\nSigIgn:\t"u8).AppendHex(signals.Ignored.Bits, 16)
            .Append("\nSigCgt:\t"u8).AppendHex(signals.Caught.Bits, 16);
        ProcessCapabilities capabilities = thread.Capabilities;
        text.Append("\nCapInh:\t"u8).AppendHex(capabilities.Inheritable.Bits, 16)
            .Append("\nCapPrm:\t"u8).AppendHex(capabilities.Permitted.Bits, 16)
            .Append("\nCapEff:\t"u8).AppendHex(capabilities.Effective.Bits, 16)
            .Append("\nCapBnd:\t"u8).AppendHex(capabilities.Bounding.Bits, 16)
            .Append("\nCapAmb:\t"u8).AppendHex(capabilities.Ambient.Bits, 16)
            .Append("\nNoNewPrivs:\t"u8).Append(thread.HasNoNewPrivileges ? 1L : 0L).Append("\nSeccomp:\t0"u8)
            .Append("\nCpus_allowed:\t1\nCpus_allowed_list:\t0\nMems_allowed:\t1\nMems_allowed_list:\t0\nvoluntary_ctxt_switches:\t"u8)
            .Append(thread.VoluntarySwitches).Append("\nnonvoluntary_ctxt_switches:\t"u8).Append(thread.InvoluntarySwitches).Append('\n');
    }

    private static ReadOnlySpan<byte> GetStateName(char state) => state switch
    {
        'R' => " (running)"u8,
        'Z' => " (zombie)"u8,
        'T' => " (stopped)"u8,
        _ => " (sleeping)"u8,
    };

    private static void AppendIds(TextBuilder text, (uint Real, uint Effective, uint Saved, uint FileSystem) ids) =>
        text.Append('\t').Append((ulong)ids.Real).Append('\t').Append((ulong)ids.Effective).Append('\t').Append((ulong)ids.Saved)
            .Append('\t').Append((ulong)ids.FileSystem);

    private static void AppendKib(TextBuilder text, long kib) => text.AppendPadded(kib, 8).Append(" kB"u8);
}

using System.Buffers.Text;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>The files of /proc that tell of the system.</summary>
internal sealed class SystemText(ProcFileSystem fileSystem) : TextTree
{
    private const int KibPerPage = Paging.PageSize / 1024;
    private const long NsPerTick = 10_000_000;
    private const string MessageQueues = "sys/fs/mqueue/";
    private const string NetworkSettings = "sys/net/";

    private static readonly string[] s_paths =
    [
        "buddyinfo", "cmdline", "cpuinfo", "devices", "diskstats", "filesystems", "interrupts", "loadavg", "meminfo", "partitions",
        "stat", "swaps",
        "sysvipc/msg", "sysvipc/sem", "sysvipc/shm",
        "uptime", "version", "vmstat", "zoneinfo",
        "sys/dev/tty/legacy_tiocsti", "sys/fs/file-max",
        "sys/fs/inotify/max_queued_events", "sys/fs/inotify/max_user_instances", "sys/fs/inotify/max_user_watches",
        "sys/fs/mqueue/msg_default", "sys/fs/mqueue/msg_max", "sys/fs/mqueue/msgsize_default", "sys/fs/mqueue/msgsize_max",
        "sys/fs/mqueue/queues_max",
        "sys/fs/nr_open", "sys/fs/pipe-max-size",
        "sys/fs/protected_fifos", "sys/fs/protected_hardlinks", "sys/fs/protected_regular", "sys/fs/protected_symlinks",
        "sys/fs/suid_dumpable",
        "sys/kernel/cap_last_cap", "sys/kernel/core_pattern", "sys/kernel/core_uses_pid", "sys/kernel/dmesg_restrict",
        "sys/kernel/domainname",
        "sys/kernel/hostname", "sys/kernel/msgmax", "sys/kernel/msgmnb", "sys/kernel/msgmni", "sys/kernel/ngroups_max",
        "sys/kernel/osrelease", "sys/kernel/ostype",
        "sys/kernel/pid_max", "sys/kernel/printk", "sys/kernel/printk_devkmsg",
        "sys/kernel/pty/max", "sys/kernel/pty/nr",
        "sys/kernel/random/boot_id", "sys/kernel/random/entropy_avail", "sys/kernel/random/poolsize", "sys/kernel/random/uuid",
        "sys/kernel/randomize_va_space", "sys/kernel/sem", "sys/kernel/shm_rmid_forced", "sys/kernel/shmall", "sys/kernel/shmmax",
        "sys/kernel/shmmni", "sys/kernel/threads-max", "sys/kernel/version",
        "sys/net/core/rmem_default", "sys/net/core/rmem_max", "sys/net/core/somaxconn", "sys/net/core/wmem_default",
        "sys/net/core/wmem_max",
        "sys/net/ipv4/ip_default_ttl", "sys/net/ipv4/ip_forward", "sys/net/ipv4/ip_local_port_range",
        "sys/net/ipv4/ip_unprivileged_port_start", "sys/net/ipv4/tcp_available_congestion_control",
        "sys/net/ipv4/tcp_congestion_control", "sys/net/ipv4/tcp_ecn", "sys/net/ipv4/tcp_fastopen", "sys/net/ipv4/tcp_fin_timeout",
        "sys/net/ipv4/tcp_keepalive_intvl", "sys/net/ipv4/tcp_keepalive_probes", "sys/net/ipv4/tcp_keepalive_time",
        "sys/net/ipv4/tcp_max_syn_backlog", "sys/net/ipv4/tcp_max_tw_buckets", "sys/net/ipv4/tcp_rmem", "sys/net/ipv4/tcp_sack",
        "sys/net/ipv4/tcp_syn_retries", "sys/net/ipv4/tcp_synack_retries", "sys/net/ipv4/tcp_syncookies",
        "sys/net/ipv4/tcp_timestamps", "sys/net/ipv4/tcp_window_scaling", "sys/net/ipv4/tcp_wmem",
        "sys/vm/max_map_count", "sys/vm/mmap_min_addr", "sys/vm/overcommit_memory", "sys/vm/overcommit_ratio", "sys/vm/swappiness",
    ];

    private readonly byte[] _bootId = new byte[16];

    public override ReadOnlySpan<string> Paths => s_paths;

    public override Errno Write(int index, TextBuilder text)
    {
        ISystemInformation system = fileSystem.System;
        switch (s_paths[index])
        {
            case "cpuinfo":
                WriteCpu(text);
                break;
            case "buddyinfo":
                WriteFreeBlocks(text);
                break;
            case "zoneinfo":
                // One zone. Requests fail when nothing is free, and nothing is done before that.
                text.Append("Node 0, zone   Normal\n  pages free     "u8).Append(fileSystem.Services.Frames.FreeCount)
                    .Append("\n        min      0\n        low      0\n        high     0\n        managed  "u8)
                    .Append(fileSystem.Services.Frames.TotalCount)
                    .Append("\n"u8);
                break;
            case "meminfo":
                WriteMemory(text);
                break;
            case "stat":
                WriteStatistics(text);
                break;
            case "sysvipc/msg" or "sysvipc/sem" or "sysvipc/shm":
                system.WriteIpc(s_paths[index]["sysvipc/".Length..], text);
                break;
            case "uptime":
                text.AppendSeconds(fileSystem.Services.Clock.MonotonicNs).Append(' ').AppendSeconds(system.IdleTimeNs).Append('\n');
                break;
            case "loadavg":
                text.Append("0.00 0.00 0.00 "u8).Append(system.RunnableCount).Append('/').Append(system.ProcessCount).Append(' ')
                    .Append(system.LastProcessId).Append('\n');
                break;
            case "version":
                text.Append("Linux version "u8).Append(system.Release).Append(" (semitone) "u8).Append(system.Version).Append('\n');
                break;
            case "filesystems":
                text.Append("nodev\ttmpfs\nnodev\tdevtmpfs\nnodev\tproc\nnodev\tdevpts\nnodev\tsysfs\nnodev\tramfs\n"u8);
                break;
            case "devices":
                text.Append("Character devices:\n  1 mem\n  4 ttyS\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n136 pts\n\n"u8)
                    .Append("Block devices:\n"u8);
                break;
            case "diskstats":
                break;
            case "partitions":
                text.Append("major minor  #blocks  name\n\n"u8);
                break;
            case "swaps":
                text.Append("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"u8);
                break;
            case "cmdline":
                text.Append('\n');
                break;
            case "interrupts":
                text.Append("           CPU0\n"u8);
                break;
            case "vmstat":
                text.Append("nr_free_pages "u8).Append(fileSystem.Services.Frames.FreeCount).Append('\n');
                break;
            default:
                WriteSetting(s_paths[index], text);
                break;
        }
        return Errno.None;
    }

    public override Mode GetPermissions(int index) => (Mode)(IsSettable(s_paths[index]) ? 0x1A4 : 0x124);

    public override Errno GetMapError(int index) => IsSetting(index) ? Errno.ENODEV : Errno.EIO;

    /// <summary>A setting that cannot be changed cannot be opened for that, by anybody.</summary>
    public override Errno CheckOpen(int index, OpenFlags flags)
    {
        bool writes = (flags & OpenFlags.O_ACCMODE) != OpenFlags.O_RDONLY || (flags & OpenFlags.O_TRUNC) != 0;
        return writes && IsSetting(index) && !IsSettable(s_paths[index]) ? Errno.EACCES : Errno.None;
    }

    public override Errno Store(int index, ReadOnlySpan<byte> text)
    {
        const int LongestName = UtsNameField.Length - 1;
        string path = s_paths[index];
        if (!IsSettable(path))
        {
            return Errno.EIO;
        }
        if (path == "sys/kernel/pty/max")
        {
            return fileSystem.Services.PseudoTerminals is { } terminals ? SetTerminalLimit(terminals, text) : Errno.EIO;
        }
        int end = text.IndexOfAny((byte)0, (byte)'\n');
        text = end < 0 ? text : text[..end];
        if (IsNumber(path))
        {
            return StoreNumber(path, text);
        }
        text = text[..Math.Min(text.Length, LongestName)];
        if (path == "sys/kernel/hostname")
        {
            fileSystem.System.SetHostName(text);
        }
        else
        {
            fileSystem.System.SetDomainName(text);
        }
        return Errno.None;
    }

    private static Errno SetTerminalLimit(PtsFileSystem terminals, ReadOnlySpan<byte> text)
    {
        if (NumberText.TryParse(text, out uint limit) != Errno.None || limit > PtsFileSystem.GreatestLimit)
        {
            return Errno.EINVAL;
        }
        terminals.Limit = (int)limit;
        return Errno.None;
    }

    private static bool IsSetting(int index) => s_paths[index].StartsWith("sys/", StringComparison.Ordinal);

    private static bool IsSettable(string path) => path is "sys/kernel/hostname" or "sys/kernel/domainname" or "sys/kernel/pty/max"
        || IsNumber(path);

    private static bool IsNumber(string path) =>
        path.StartsWith("sys/fs/inotify/", StringComparison.Ordinal) || path.StartsWith(MessageQueues, StringComparison.Ordinal);

    /// <summary>Sets a setting that is a number.</summary>
    /// <param name="text">Decimal digits, with spaces around them.</param>
    private Errno StoreNumber(string path, ReadOnlySpan<byte> text)
    {
        bool isNumber = Utf8Parser.TryParse(text.Trim(" \t"u8), out int value, out int used) && used == text.Trim(" \t"u8).Length;
        if (!isNumber || value < 0)
        {
            return Errno.EINVAL;
        }
        if (path.StartsWith(MessageQueues, StringComparison.Ordinal))
        {
            return fileSystem.System.SetMessageQueueSetting(path[MessageQueues.Length..], value);
        }
        FileWatches watches = fileSystem.Services.Watches;
        switch (path)
        {
            case "sys/fs/inotify/max_queued_events":
                watches.MaxQueuedEvents = value;
                break;
            case "sys/fs/inotify/max_user_instances":
                watches.MaxUserInstances = value;
                break;
            default:
                watches.MaxUserWatches = value;
                break;
        }
        return Errno.None;
    }

    private void WriteSetting(string path, TextBuilder text)
    {
        ISystemInformation system = fileSystem.System;
        if (path.StartsWith(NetworkSettings, StringComparison.Ordinal))
        {
            system.WriteNetworkSetting(path[NetworkSettings.Length..], text);
            text.Append('\n');
            return;
        }
        switch (path)
        {
            case "sys/kernel/ostype":
                text.Append("Linux"u8);
                break;
            case "sys/kernel/osrelease":
                text.Append(system.Release);
                break;
            case "sys/kernel/version":
                text.Append(system.Version);
                break;
            case "sys/kernel/hostname":
                text.Append(system.HostName);
                break;
            case "sys/kernel/domainname":
                text.Append(system.DomainName);
                break;
            case "sys/kernel/core_pattern":
                // No core dumps: that is what an empty pattern says, without core_uses_pid (core(5)).
                break;
            case "sys/kernel/printk":
                // The console's level, that of messages without one, the lowest that the console's may be, and its first (syslog(2)).
                text.Append(fileSystem.Services.Log?.ConsoleLimit ?? 0).Append('\t').Append(KernelLog.DefaultSeverity).Append("\t1\t"u8)
                    .Append(KernelLog.DefaultSeverity + 1);
                break;
            case "sys/kernel/printk_devkmsg":
                text.Append("on"u8);
                break;
            case "sys/kernel/sem":
                text.Append(system.GetIpcLimit("semmsl")).Append('\t').Append(system.GetIpcLimit("semmns")).Append('\t')
                    .Append(system.GetIpcLimit("semopm")).Append('\t').Append(system.GetIpcLimit("semmni"));
                break;
            case "sys/kernel/msgmax" or "sys/kernel/msgmnb" or "sys/kernel/msgmni":
            case "sys/kernel/shmall" or "sys/kernel/shmmax" or "sys/kernel/shmmni":
                text.Append(system.GetIpcLimit(path["sys/kernel/".Length..]));
                break;
            case "sys/kernel/random/boot_id":
                if (_bootId[8] == 0)
                {
                    MakeUuid(_bootId);
                }
                WriteUuid(text, _bootId);
                break;
            case "sys/kernel/random/uuid":
                Span<byte> uuid = stackalloc byte[16];
                MakeUuid(uuid);
                WriteUuid(text, uuid);
                break;
            default:
                text.Append(path switch
                {
                    _ when path.StartsWith(MessageQueues, StringComparison.Ordinal) =>
                        system.GetMessageQueueSetting(path[MessageQueues.Length..]),
                    "sys/dev/tty/legacy_tiocsti" => 0,
                    "sys/fs/file-max" => 1 << 20,
                    "sys/fs/inotify/max_queued_events" => fileSystem.Services.Watches.MaxQueuedEvents,
                    "sys/fs/inotify/max_user_instances" => fileSystem.Services.Watches.MaxUserInstances,
                    "sys/fs/inotify/max_user_watches" => fileSystem.Services.Watches.MaxUserWatches,
                    "sys/fs/nr_open" => FileTable.AbsoluteLimit,
                    "sys/fs/pipe-max-size" => Pipe.MaximumCapacity,
                    "sys/kernel/cap_last_cap" => 40,
                    // The log is for those who have CAP_SYSLOG.
                    "sys/kernel/dmesg_restrict" => 1,
                    "sys/kernel/ngroups_max" => 65536,
                    "sys/kernel/pid_max" => 32768,
                    "sys/kernel/random/entropy_avail" or "sys/kernel/random/poolsize" => 256,
                    "sys/kernel/randomize_va_space" => 2,
                    "sys/kernel/threads-max" => system.ThreadLimit,
                    "sys/kernel/pty/max" => fileSystem.Services.PseudoTerminals?.Limit ?? 0,
                    "sys/kernel/pty/nr" => fileSystem.Services.PseudoTerminals?.Count ?? 0,
                    "sys/vm/max_map_count" => AddressSpace.MaxVmaCount,
                    "sys/vm/mmap_min_addr" => (long)Paging.UserStart,
                    "sys/vm/overcommit_ratio" => 50,
                    // Nothing is swapped; and a mapping is not refused because it might not fit (overcommit_memory 0).
                    _ => 0L,
                });
                break;
        }
        text.Append('\n');
    }

    private void WriteCpu(TextBuilder text)
    {
        ISystemInformation system = fileSystem.System;
        text.Append("processor\t: 0\nvendor_id\t: Semitone\nmodel name\t: "u8).Append(system.CpuModel)
            .Append("\nphysical id\t: 0\nsiblings\t: 1\ncore id\t\t: 0\ncpu cores\t: 1\nfpu\t\t: yes\nflags\t\t: "u8)
            .Append(system.CpuFlags)
            .Append("\nbogomips\t: 0.00\nclflush size\t: 64\ncache_alignment\t: 64\n"u8
                + "address sizes\t: 40 bits physical, 48 bits virtual\n\n"u8);
    }

    /// <summary>Pages are given out one by one: what is free is free as blocks of one page (proc(5), buddyinfo).</summary>
    private void WriteFreeBlocks(TextBuilder text)
    {
        const int Orders = 11;
        text.Append("Node 0, zone   Normal "u8);
        for (int order = 0; order < Orders; order++)
        {
            text.AppendPadded(order == 0 ? fileSystem.Services.Frames.FreeCount : 0, 6).Append(' ');
        }
        text.Append('\n');
    }

    private void WriteMemory(TextBuilder text)
    {
        FramePool frames = fileSystem.Services.Frames;
        long total = frames.TotalCount * KibPerPage;
        long free = frames.FreeCount * KibPerPage;
        Line("MemTotal:"u8, total);
        Line("MemFree:"u8, free);
        Line("MemAvailable:"u8, frames.AvailableCount * KibPerPage);
        Line("Buffers:"u8, 0);
        Line("Cached:"u8, (frames.AvailableCount - frames.FreeCount) * KibPerPage);
        Line("SwapCached:"u8, 0);
        Line("Active:"u8, total - free);
        Line("Inactive:"u8, 0);
        Line("SwapTotal:"u8, 0);
        Line("SwapFree:"u8, 0);
        Line("Dirty:"u8, 0);
        Line("Writeback:"u8, 0);
        Line("Mapped:"u8, 0);
        Line("Shmem:"u8, 0);
        Line("Slab:"u8, 0);
        Line("CommitLimit:"u8, total);
        Line("Committed_AS:"u8, total - free);
        Line("VmallocTotal:"u8, 0);

        void Line(ReadOnlySpan<byte> name, long kib)
        {
            text.Append(name);
            text.AppendPadded(kib, 24 - name.Length).Append(" kB\n"u8);
        }
    }

    private void WriteStatistics(TextBuilder text)
    {
        ISystemInformation system = fileSystem.System;
        long idle = system.IdleTimeNs / NsPerTick;
        long user = Math.Max(0, (fileSystem.Services.Clock.MonotonicNs / NsPerTick) - idle);
        for (int i = 0; i < 2; i++)
        {
            text.Append(i == 0 ? "cpu  "u8 : "cpu0 "u8).Append(user).Append(" 0 0 "u8).Append(idle).Append(" 0 0 0 0 0 0\n"u8);
        }
        long bootSeconds = (fileSystem.Services.Clock.RealtimeNs - fileSystem.Services.Clock.MonotonicNs) / 1_000_000_000;
        text.Append("intr 0\nctxt 0\nbtime "u8).Append(bootSeconds).Append("\nprocesses "u8).Append(system.LastProcessId)
            .Append("\nprocs_running "u8).Append(system.RunnableCount).Append("\nprocs_blocked 0\n"u8);
    }

    /// <summary>Makes a random UUID (RFC 9562, version 4).</summary>
    private void MakeUuid(Span<byte> uuid)
    {
        fileSystem.Services.Random.Fill(uuid);
        uuid[6] = (byte)((uuid[6] & 0x0F) | 0x40);
        uuid[8] = (byte)((uuid[8] & 0x3F) | 0x80);
    }

    private static void WriteUuid(TextBuilder text, ReadOnlySpan<byte> uuid)
    {
        for (int i = 0; i < uuid.Length; i++)
        {
            if (i is 4 or 6 or 8 or 10)
            {
                text.Append('-');
            }
            text.AppendHex(uuid[i], 2);
        }
    }
}

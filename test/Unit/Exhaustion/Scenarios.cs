using Semitone.Abi;
using Semitone.Unit.Tasks;
using static Semitone.Abi.SyscallNumber;
using static Semitone.Unit.Exhaustion.ScenarioProgram;

namespace Semitone.Unit.Exhaustion;

/// <summary>Programs that between them make every call for which the kernel keeps something.</summary>
internal static partial class Scenarios
{
    private const ulong Data = Guest.Data;
    private const ulong Page = Paging.PageSize;
    private const ulong AtFdCwd = unchecked((ulong)-100);
    private const ulong ReadWrite = 3;
    private const ulong Anonymous = 0x22;
    private const ulong SharedAnonymous = 0x21;

    public static Dictionary<string, Func<ScenarioProgram, IEnumerable<Call>>> All { get; } = new()
    {
        ["files"] = Files,
        ["directories"] = Directories,
        ["descriptors"] = Descriptors,
        ["pipes"] = Pipes,
        ["locks"] = Locks,
        ["mappings"] = Mappings,
        ["file mappings"] = FileMappings,
        ["polling"] = Polling,
        ["epoll"] = Epoll,
        ["timers"] = Timers,
        ["signals"] = Signals,
        ["threads"] = Threads,
        ["processes"] = Processes,
        ["waiting"] = Waiting,
        ["identity"] = Identity,
        ["transfers"] = Transfers,
        ["attributes"] = Attributes,
        ["exec"] = Exec,
        ["devices"] = Devices,
        ["relative paths"] = RelativePaths,
        ["old and new forms"] = OldAndNewForms,
        ["extended attributes"] = ExtendedAttributes,
        ["terminals"] = Terminals,
        ["users and groups"] = UsersAndGroups,
        ["scheduling"] = Scheduling,
        ["time"] = Time,
        ["handlers"] = Handlers,
        ["newer threads"] = NewerThreads,
        ["sockets"] = Sockets,
        ["connections"] = Connections,
        ["signal and timer files"] = SignalAndTimerFiles,
        ["file watches"] = FileWatches,
        ["system five"] = SystemFive,
        ["splicing"] = Splicing,
        ["message queues"] = PosixMessageQueues,
        ["processes and words"] = ProcessesAndWords,
        ["waiting for others"] = WaitingForOthers,
    };

    private static Call Open(ulong path, OpenFlags flags) => Do(openat, AtFdCwd, path, (ulong)flags, 0x1A4);

    private static IEnumerable<Call> Files(ScenarioProgram p)
    {
        ulong name = p.Text("/f");
        ulong other = p.Text("/g");
        yield return Open(name, OpenFlags.O_CREAT | OpenFlags.O_RDWR);
        ulong fd = (ulong)p.Result;
        yield return Do(write, fd, Data, 100);
        for (ulong i = 1; i < 20; i += 6)
        {
            yield return Do(pwrite64, fd, Data, 64, i * Page);
        }

        yield return Do(pwrite64, fd, Data, 64, 1000 * Page);
        yield return Do(ftruncate, fd, 500 * Page);
        yield return Do(fallocate, fd, 0, 0, 3 * Page);
        yield return Do(fallocate, fd, 3, Page, Page);
        yield return Do(pread64, fd, Data, 64, 0);
        yield return Do(lseek, fd, 0, 3);
        yield return Do(fsync, fd);
        yield return Do(close, fd);
        yield return Do(link, name, other);
        yield return Do(rename, other, p.Text("/h"));
        yield return Do(truncate, name, 10);
        yield return Open(name, OpenFlags.O_RDONLY);
        fd = (ulong)p.Result;
        yield return Do(unlink, name);
        yield return Do(read, fd, Data, 64);
        yield return Do(close, fd);
        yield return Do(memfd_create, p.Text("memory"), 3);
        fd = (ulong)p.Result;
        yield return Do(write, fd, Data, 64);
        yield return Do(close, fd);
    }

    private static IEnumerable<Call> Directories(ScenarioProgram p)
    {
        yield return Do(mkdir, p.Text("/d"), 0x1ED);
        yield return Do(mkdir, p.Text("/d/e"), 0x1ED);
        yield return Do(symlink, p.Text("/d/e"), p.Text("/d/s"));
        yield return Open(p.Text("/d/s/f"), OpenFlags.O_CREAT | OpenFlags.O_WRONLY);
        yield return Do(close, (ulong)p.Result);
        yield return Do(link, p.Text("/d/e/f"), p.Text("/d/f"));
        yield return Do(rename, p.Text("/d/f"), p.Text("/d/g"));
        yield return Do(readlink, p.Text("/d/s"), Data, 100);
        yield return Do(chdir, p.Text("/d/e"));
        yield return Do(getcwd, Data, 200);
        yield return Open(p.Text("/d"), OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY);
        ulong fd = (ulong)p.Result;
        yield return Do(getdents64, fd, Data, 1024);
        yield return Do(fchdir, fd);
        yield return Do(close, fd);
        yield return Do(unlink, p.Text("/d/g"));
        yield return Do(unlink, p.Text("/d/s"));
        yield return Do(unlink, p.Text("/d/e/f"));
        yield return Do(rmdir, p.Text("/d/e"));
        yield return Do(chdir, p.Text("/"));
        yield return Do(rmdir, p.Text("/d"));
        yield return Do(mknod, p.Text("/n"), (ulong)(Mode.S_IFIFO | (Mode)0x1A4));
        yield return Do(unlink, p.Text("/n"));
    }

    private static IEnumerable<Call> Descriptors(ScenarioProgram p)
    {
        yield return Do(eventfd2, 1);
        ulong fd = (ulong)p.Result;
        yield return Do(dup, fd);
        yield return Do(dup2, fd, 500);
        yield return Do(fcntl, fd, (ulong)FcntlCommand.F_DUPFD, 800);
        yield return Do(fcntl, fd, (ulong)FcntlCommand.F_SETFD, 1);
        yield return Do(read, fd, Data, 8);
        yield return Do(close_range, 0, 1000);
        yield return Do(epoll_create1);
        yield return Do(pipe2, Data);
        yield return Open(p.Text("/other"), OpenFlags.O_PATH);
        yield return Do(close, (ulong)p.Result);
    }

    private static IEnumerable<Call> Pipes(ScenarioProgram p)
    {
        yield return Do(pipe2, Data);
        ulong reader = p.Guest.Read<uint>(Data);
        ulong writer = p.Guest.Read<uint>(Data + 4);
        yield return Do(write, writer, Data, Page);
        yield return Do(fcntl, writer, (ulong)FcntlCommand.F_SETPIPE_SZ, 1 << 20);
        yield return Do(write, writer, Data, Page);
        yield return Do(fcntl, writer, (ulong)FcntlCommand.F_GETPIPE_SZ);
        yield return Do(fcntl, writer, (ulong)FcntlCommand.F_SETOWN, 1);
        yield return Do(fcntl, writer, (ulong)FcntlCommand.F_SETSIG, (ulong)Signal.SIGURG);
        yield return Do(fcntl, writer, (ulong)FcntlCommand.F_SETFL, (ulong)OpenFlags.O_ASYNC);
        yield return Do(read, reader, Data + 0x100, 0x200);
        yield return Do(readv, reader, Vectors(p), 2);
        yield return Do(close, writer);
        yield return Do(close, reader);
        yield return Do(mknod, p.Text("/p"), (ulong)(Mode.S_IFIFO | (Mode)0x1A4));
        yield return Open(p.Text("/p"), OpenFlags.O_RDWR);
        reader = (ulong)p.Result;
        yield return Do(write, reader, Data, 10);
        yield return Do(close, reader);
    }

    private static ulong Vectors(ScenarioProgram p)
    {
        const ulong At = Data + 0x800;
        for (ulong i = 0; i < 12; i++)
        {
            p.Guest.Write(At + (i * 16), Data + 0x900 + (i * 4));
            p.Guest.Write(At + (i * 16) + 8, 4UL);
        }

        return At;
    }

    private static IEnumerable<Call> Locks(ScenarioProgram p)
    {
        yield return Open(p.Text("/f"), OpenFlags.O_CREAT | OpenFlags.O_RDWR);
        ulong fd = (ulong)p.Result;
        yield return Do(flock, fd, (ulong)FlockOperation.LOCK_SH);
        yield return Do(flock, fd, (ulong)FlockOperation.LOCK_EX);
        for (long i = 0; i < 6; i++)
        {
            p.Guest.Write(Data, new Flock { l_type = LockType.F_WRLCK, l_start = i * 100, l_len = 50 });
            yield return Do(fcntl, fd, (ulong)FcntlCommand.F_SETLK, Data);
        }

        p.Guest.Write(Data, new Flock { l_type = LockType.F_UNLCK, l_start = 110, l_len = 10 });
        yield return Do(fcntl, fd, (ulong)FcntlCommand.F_SETLK, Data);
        p.Guest.Write(Data, new Flock { l_type = LockType.F_RDLCK, l_start = 210, l_len = 10 });
        yield return Do(fcntl, fd, (ulong)FcntlCommand.F_SETLK, Data);
        yield return Do(close, fd);
    }

    private static IEnumerable<Call> Mappings(ScenarioProgram p)
    {
        yield return Do(mmap, 0, 64 * Page, ReadWrite, Anonymous | 0x4000, ulong.MaxValue);
        ulong at = (ulong)p.Result;
        for (ulong i = 1; i < 40; i += 2)
        {
            yield return Do(mprotect, at + (i * Page), Page, 1);
        }

        yield return Do(munmap, at + (45 * Page), Page);
        yield return Do(munmap, at + (48 * Page), Page);
        yield return Do(madvise, at + (51 * Page), Page, 10);
        yield return Do(mmap, at + (54 * Page), Page, 1, Anonymous | 0x10, ulong.MaxValue);
        yield return Do(mremap, at + (57 * Page), Page, 8 * Page, 1);
        yield return Do(mlock, at, Page);
        yield return Do(brk);
        ulong end = (ulong)p.Result;
        yield return Do(brk, end + Page);
        yield return Do(munmap, at, 64 * Page);
        yield return Do(mmap, 0, 4 * Page, ReadWrite, SharedAnonymous | 0x8000, ulong.MaxValue);
        at = (ulong)p.Result;
        yield return Do(mincore, at, Page, Data);
        yield return Do(munmap, at, 4 * Page);
    }

    private static IEnumerable<Call> FileMappings(ScenarioProgram p)
    {
        yield return Open(p.Text("/f"), OpenFlags.O_CREAT | OpenFlags.O_RDWR);
        ulong fd = (ulong)p.Result;
        yield return Do(ftruncate, fd, 8 * Page);
        yield return Do(mmap, 0, 8 * Page, ReadWrite, 0x1 | 0x8000, fd);
        ulong shared = (ulong)p.Result;
        yield return Do(mmap, 0, 8 * Page, ReadWrite, 0x2 | 0x8000, fd);
        ulong own = (ulong)p.Result;
        yield return Do(pread64, fd, own + Page, 100, 0);
        yield return Do(pwrite64, fd, own, 100, Page);
        yield return Do(msync, shared, Page, 4);
        yield return Do(munmap, shared + (2 * Page), Page);
        yield return Do(mremap, own, 2 * Page, 4 * Page, 1);
        yield return Do(ftruncate, fd, 0);
        yield return Do(close, fd);
    }

    private static IEnumerable<Call> Polling(ScenarioProgram p)
    {
        yield return Do(eventfd2, 0);
        ulong fd = (ulong)p.Result;
        for (ulong i = 0; i < 40; i++)
        {
            p.Guest.Write(Data + (i * 8), new PollFd { fd = (int)fd, events = (PollEvents)1 });
        }

        p.Guest.Write(Data + 0x600, Timespec.FromNs(1000));
        yield return Do(poll, Data, 40, 0);
        yield return Do(poll, Data, 40, 1);
        yield return Do(ppoll, Data, 3, Data + 0x600);
        p.Guest.Write(Data + 0x700, 1UL << (int)fd);
        yield return Do(select, fd + 1, Data + 0x700, 0, 0, Data + 0x600);
        yield return Do(close, fd);
    }

    private static IEnumerable<Call> Epoll(ScenarioProgram p)
    {
        yield return Do(epoll_create1, 0);
        ulong epoll = (ulong)p.Result;
        for (ulong i = 0; i < 5; i++)
        {
            yield return Do(eventfd2, i & 1);
            ulong fd = (ulong)p.Result;
            p.Guest.Write(Data, new EpollEvent { events = (EpollEvents)1, data = i });
            yield return Do(epoll_ctl, epoll, 1, fd, Data);
        }

        yield return Do(epoll_wait, epoll, Data + 0x100, 8, 0);
        p.Guest.Write(Data, 1UL);
        yield return Do(write, epoll + 1, Data, 8);
        yield return Do(epoll_pwait, epoll, Data + 0x100, 8, 1);
        yield return Do(read, epoll + 1, Data, 8);
        yield return Do(epoll_ctl, epoll, 2, epoll + 2);
        yield return Do(close, epoll + 3);
        yield return Do(epoll_wait, epoll, Data + 0x100, 8, 1);
        yield return Do(close, epoll);
    }

    private static IEnumerable<Call> Timers(ScenarioProgram p)
    {
        p.Guest.Write(Data + 0x300, SignalSet.Of(Signal.SIGALRM).Bits | (1UL << 39));
        yield return Do(rt_sigprocmask, 0, Data + 0x300, 0, 8);
        for (ulong i = 0; i < 24; i++)
        {
            SigEventNotify notify = i == 3 ? SigEventNotify.SIGEV_NONE : SigEventNotify.SIGEV_SIGNAL;
            p.Guest.Write(Data, new SigEvent { sigev_notify = notify, sigev_signo = (Signal)40 });
            yield return Do(timer_create, (ulong)ClockId.CLOCK_MONOTONIC, Data, Data + 0x100);
            ulong id = p.Guest.Read<uint>(Data + 0x100);
            p.Guest.Write(Data + 0x200, new Itimerspec { it_value = Timespec.FromNs(1000), it_interval = Timespec.FromNs(500) });
            yield return Do(timer_settime, id, 0, Data + 0x200);
        }

        foreach (ClockId clock in (ClockId[])[ClockId.CLOCK_PROCESS_CPUTIME_ID, ClockId.CLOCK_THREAD_CPUTIME_ID])
        {
            yield return Do(timer_create, (ulong)clock, Data, Data + 0x100);
            yield return Do(timer_settime, p.Guest.Read<uint>(Data + 0x100), 0, Data + 0x200);
        }

        p.Guest.Write(Data + 0x400, Timespec.FromNs(10_000));
        yield return Do(nanosleep, Data + 0x400);
        yield return Do(rt_sigtimedwait, Data + 0x300, 0, Data + 0x400, 8);
        yield return Do(timer_delete, 5);
        yield return Do(alarm, 1);
        yield return Do(rt_sigtimedwait, Data + 0x300, 0, Data + 0x400, 8);
        p.Guest.Write(Data, new Itimerval { it_value = new Timeval { tv_usec = 5 }, it_interval = new Timeval { tv_usec = 5 } });
        yield return Do(setitimer, 0, Data);
        yield return Do(nanosleep, Data + 0x400);
        yield return Do(clock_nanosleep, 1, 0, Data + 0x400);
    }

    private static IEnumerable<Call> Signals(ScenarioProgram p)
    {
        p.Guest.Write(Data, ulong.MaxValue);
        yield return Do(rt_sigprocmask, 0, Data, 0, 8);
        for (ulong i = 0; i < 9; i++)
        {
            p.Guest.Write(Data + 0x100, new SigInfo { si_signo = (Signal)40, si_code = -1, si_value = i });
            yield return Do(rt_sigqueueinfo, 1, 40, Data + 0x100);
        }

        yield return Do(kill, 1, (ulong)Signal.SIGUSR1);
        yield return Do(tgkill, 1, 1, (ulong)Signal.SIGUSR2);
        yield return Do(rt_sigpending, Data + 0x200, 8);
        for (int i = 0; i < 3; i++)
        {
            p.Guest.Write(Data + 0x400, default(Timespec));
            yield return Do(rt_sigtimedwait, Data, Data + 0x500, Data + 0x400, 8);
        }

        yield return Do(rt_sigtimedwait, Data, Data + 0x500, 0, 8);
        yield return Do(sigaltstack, 0, Data);
    }

    private const ulong ThreadFlags = (ulong)(
        CloneFlags.CLONE_VM | CloneFlags.CLONE_FS | CloneFlags.CLONE_FILES | CloneFlags.CLONE_SIGHAND | CloneFlags.CLONE_THREAD);

    private static IEnumerable<Call> Threads(ScenarioProgram p)
    {
        const ulong Word = Data + 0x80;
        for (int i = 0; i < 3; i++)
        {
            p.Prepare(Sleeper(Word));
            yield return Do(clone, ThreadFlags, Guest.StackTop - 0x800);
        }

        // Each waits until it is woken, or for a while.
        yield return Do(sched_yield);
        yield return Do(futex, Word, 1, 1);
        yield return Do(futex, Word, 3, 0, 10, Word + 4);
        p.Guest.Write(Data + 0x400, Timespec.FromNs(1_000_000));
        yield return Do(nanosleep, Data + 0x400);
    }

    private static IEnumerable<Call> Processes(ScenarioProgram p)
    {
        const ulong AnyChild = ulong.MaxValue;
        yield return Do(pipe2, Data);
        p.Prepare(Child());
        yield return Do(fork);
        yield return Do(wait4, AnyChild, Data + 0x100);
        p.Prepare(ExecutingChild(p));
        yield return Do(vfork);
        yield return Do(wait4, AnyChild, Data + 0x100);
        p.Prepare(Child());
        yield return Do(clone, (ulong)(CloneFlags.CLONE_PIDFD | CloneFlags.SIGCHLD), 0, Data + 0x200);
        ulong pidFd = p.Guest.Read<uint>(Data + 0x200);
        yield return Do(pidfd_send_signal, pidFd);
        yield return Do(waitid, (ulong)WaitIdType.P_PIDFD, pidFd, 0, (ulong)WaitOptions.WEXITED);
        yield return Do(close, pidFd);
        yield return Do(pidfd_open, 1);
        pidFd = (ulong)p.Result;
        yield return Do(pidfd_getfd, pidFd, pidFd);
        ulong copy = (ulong)p.Result;
        yield return Do(close, pidFd);
        yield return Do(close, copy);
        yield return Do(unshare, (ulong)(CloneFlags.CLONE_FILES | CloneFlags.CLONE_FS));
    }

    private static IEnumerable<Call> Child()
    {
        yield return Do(setpgid);
        yield return Do(umask, 0x12);
        yield return Do(exit_group, 3);
    }

    private static IEnumerable<Call> ExecutingChild(ScenarioProgram p)
    {
        yield return Do(setsid);
        yield return Do(execve, p.Text("/other"), 0, 0);
        yield return Do(exit_group, 4);
    }

    private static IEnumerable<Call> Sleeper(ulong word)
    {
        yield return Do(futex, word, 0, 0, Data + 0x410);
    }

    private static IEnumerable<Call> Waiting(ScenarioProgram p)
    {
        yield return Do(pipe2, Data);
        ulong reader = p.Guest.Read<uint>(Data);
        ulong writer = p.Guest.Read<uint>(Data + 4);
        yield return Do(eventfd2, 0);
        ulong counter = (ulong)p.Result;
        p.Prepare(Writer(writer, counter));
        yield return Do(clone, ThreadFlags, Guest.StackTop - 0x800);
        yield return Do(read, reader, Data + 0x100, 10);
        yield return Do(read, counter, Data + 0x100, 8);
        yield return Do(readv, reader, Vectors(p), 2);
        yield return Do(close, reader);
        yield return Do(close, writer);
    }

    private static IEnumerable<Call> Writer(ulong writer, ulong counter)
    {
        yield return Do(write, writer, Data + 0x200, 10);
        yield return Do(sched_yield);
        yield return Do(write, counter, Data, 8);
        yield return Do(sched_yield);
        yield return Do(write, writer, Data + 0x200, 10);
    }

    private static IEnumerable<Call> Identity(ScenarioProgram p)
    {
        for (uint i = 0; i < 64; i++)
        {
            p.Guest.Write(Data + (i * 4), i);
        }

        yield return Do(setgroups, 64, Data);
        yield return Do(getgroups, 64, Data);
        yield return Do(sethostname, p.Text("machine"), 7);
        yield return Do(setdomainname, p.Text("domain"), 6);
        yield return Do(uname, Data);
        yield return Do(prctl, 15, p.Text("name"));
        yield return Do(setresuid, 0, 0, 0);
        yield return Do(setrlimit, 7, Limits(p));
        yield return Do(getrandom, Data, 300, 0);
        yield return Do(syslog, (ulong)SyslogAction.SYSLOG_ACTION_READ_ALL, Data, 100);
        yield return Do(sysinfo, Data);
        yield return Do(getrusage, 0, Data);
        yield return Do(times, Data);
    }

    private static ulong Limits(ScenarioProgram p)
    {
        p.Guest.Write(Data + 0x700, 512UL);
        p.Guest.Write(Data + 0x708, 512UL);
        return Data + 0x700;
    }

    private static IEnumerable<Call> Transfers(ScenarioProgram p)
    {
        yield return Open(p.Text("/f"), OpenFlags.O_CREAT | OpenFlags.O_RDWR);
        ulong from = (ulong)p.Result;
        yield return Open(p.Text("/g"), OpenFlags.O_CREAT | OpenFlags.O_RDWR);
        ulong to = (ulong)p.Result;
        yield return Do(pwrite64, from, Data, 200, 0);
        yield return Do(sendfile, to, from, 0, 200);
        p.Guest.Write(Data, 0UL);
        yield return Do(copy_file_range, from, Data, to, 0, 100);
        yield return Do(preadv, from, Vectors(p), 12, 0);
        yield return Do(pwritev, to, Vectors(p), 12, 0);
        yield return Do(close, from);
        yield return Do(close, to);
    }

    private static IEnumerable<Call> Attributes(ScenarioProgram p)
    {
        yield return Open(p.Text("/f"), OpenFlags.O_CREAT | OpenFlags.O_RDWR);
        ulong fd = (ulong)p.Result;
        yield return Do(fstat, fd, Data);
        yield return Do(stat, p.Text("/f"), Data);
        yield return Do(statx, AtFdCwd, p.Text("/f"), 0, 0xFFF, Data);
        yield return Do(chmod, p.Text("/f"), 0x180);
        yield return Do(chown, p.Text("/f"), 3, 4);
        yield return Do(utimensat, AtFdCwd, p.Text("/f"));
        yield return Do(access, p.Text("/f"), 4);
        yield return Do(setxattr, p.Text("/f"), p.Text("user.name"), Data, 10);
        yield return Do(getxattr, p.Text("/f"), p.Text("user.name"), Data, 10);
        yield return Do(statfs, p.Text("/"), Data);
        yield return Do(umask, 0x12);
        yield return Do(close, fd);
    }

    private static IEnumerable<Call> Exec(ScenarioProgram p)
    {
        p.Guest.Write(Data, p.Text("other"));
        p.Guest.Write(Data + 8, p.Text("argument"));
        p.Guest.Write(Data + 16, 0UL);
        p.Guest.Write(Data + 24, p.Text("A=1"));
        p.Guest.Write(Data + 32, 0UL);
        p.Prepare(Sleeper(Data + 0x80));
        yield return Do(clone, ThreadFlags, Guest.StackTop - 0x800);
        yield return Do(execve, p.Text("/other"), Data, Data + 24);
        yield return Do(getpid);
        yield return Open(p.Text("/other"), OpenFlags.O_RDONLY);
        yield return Do(execveat, (ulong)p.Result, p.Text(""), 0, 0, (ulong)ExecveAtFlags.AT_EMPTY_PATH);
    }
}

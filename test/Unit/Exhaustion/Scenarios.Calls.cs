using Semitone.Abi;
using Semitone.Files;
using Semitone.Unit.Tasks;
using static Semitone.Abi.SyscallNumber;
using static Semitone.Unit.Exhaustion.ScenarioProgram;

namespace Semitone.Unit.Exhaustion;

/// <summary>The calls that ask and set: most keep nothing, and must not begin to without anybody noticing.</summary>
internal static partial class Scenarios
{
    private static IEnumerable<Call> RelativePaths(ScenarioProgram p)
    {
        ulong node = p.Text("/n");
        ulong link = p.Text("/s");
        yield return Do(mkdirat, AtFdCwd, p.Text("/d"), 0x1ED);
        yield return Do(mknodat, AtFdCwd, node, (ulong)(Mode.S_IFIFO | (Mode)0x1A4));
        yield return Do(linkat, AtFdCwd, node, AtFdCwd, p.Text("/g"));
        yield return Do(renameat, AtFdCwd, p.Text("/g"), AtFdCwd, p.Text("/h"));
        yield return Do(renameat2, AtFdCwd, p.Text("/h"), AtFdCwd, p.Text("/g"));
        yield return Do(symlinkat, node, AtFdCwd, link);
        yield return Do(readlinkat, AtFdCwd, link, Data, 100);
        yield return Do(fchmodat, AtFdCwd, node, 0x180);
        yield return Do(fchmodat2, AtFdCwd, node, 0x180);
        yield return Do(fchownat, AtFdCwd, node, 1, 2);
        yield return Do(lchown, link, 1, 2);
        yield return Do(faccessat, AtFdCwd, node, 4);
        yield return Do(faccessat2, AtFdCwd, node, 4, 0x200);
        yield return Do(newfstatat, AtFdCwd, link, Data, 0x100);
        yield return Do(lstat, link, Data);
        yield return Do(utime, node);
        yield return Do(utimes, node);
        yield return Do(futimesat, AtFdCwd, node);
        yield return Do(unlinkat, AtFdCwd, p.Text("/g"));
        yield return Do(unlinkat, AtFdCwd, link);
        yield return Do(unlinkat, AtFdCwd, node);
        yield return Do(unlinkat, AtFdCwd, p.Text("/d"), 0x200);
        yield return Do(chroot, p.Text("/"));
    }

    private static IEnumerable<Call> OldAndNewForms(ScenarioProgram p)
    {
        ulong name = p.Text("/f");
        yield return Do(creat, name, 0x1A4);
        yield return Do(close, (ulong)p.Result);
        yield return Do(open, name, (ulong)OpenFlags.O_RDWR);
        ulong fd = (ulong)p.Result;
        p.Guest.Write(Data, (ulong)OpenFlags.O_RDONLY);
        p.Guest.Write(Data + 8, 0UL);
        p.Guest.Write(Data + 16, 0UL);
        yield return Do(openat2, AtFdCwd, name, Data, 24);
        yield return Do(dup3, fd, 300, (ulong)OpenFlags.O_CLOEXEC);
        yield return Do(writev, fd, Vectors(p), 12);
        yield return Do(pwritev2, fd, Vectors(p), 12, 100);
        yield return Do(preadv2, fd, Vectors(p), 12, 0);
        yield return Do(readahead, fd, 0, Page);
        yield return Do(fadvise64, fd, 0, Page, 3);
        yield return Do(sync_file_range, fd, 0, Page, 2);
        yield return Do(fdatasync, fd);
        yield return Do(syncfs, fd);
        yield return Do(sync);
        yield return Do(fchmod, fd, 0x180);
        yield return Do(fchown, fd, 1, 2);
        yield return Do(fstatfs, fd, Data);
        yield return Do(open, p.Text("/"), (ulong)OpenFlags.O_DIRECTORY);
        yield return Do(getdents, (ulong)p.Result, Data, 1024);
        yield return Do(pipe, Data);
        yield return Do(eventfd, 1);
        yield return Do(epoll_create, 1);
        p.Guest.Write(Data + 0x600, Timespec.FromNs(1000));
        yield return Do(epoll_pwait2, (ulong)p.Result, Data, 8, Data + 0x600);
        yield return Do(pselect6, 0, 0, 0, 0, Data + 0x600);
    }

    private static IEnumerable<Call> ExtendedAttributes(ScenarioProgram p)
    {
        ulong name = p.Text("/f");
        yield return Open(name, OpenFlags.O_CREAT | OpenFlags.O_RDWR);
        ulong fd = (ulong)p.Result;
        for (int i = 0; i < 6; i++)
        {
            yield return Do(fsetxattr, fd, p.Text($"user.name{i}"), Data, (ulong)(100 << i));
        }

        yield return Do(lsetxattr, name, p.Text("user.link"), Data, 1000);
        yield return Do(setxattr, name, p.Text("user.path"), Data, 10);
        yield return Do(fgetxattr, fd, p.Text("user.name5"), Data, 0x1000);
        yield return Do(lgetxattr, name, p.Text("user.link"), Data, 0x1000);
        yield return Do(flistxattr, fd, Data, 0x1000);
        yield return Do(listxattr, name, Data, 0x1000);
        yield return Do(llistxattr, name, Data, 0x1000);
        yield return Do(fremovexattr, fd, p.Text("user.name1"));
        yield return Do(lremovexattr, name, p.Text("user.link"));
        yield return Do(removexattr, name, p.Text("user.path"));
    }

    private static IEnumerable<Call> Terminals(ScenarioProgram p)
    {
        ConsoleStreams streams = new(p.Guest.Machine.Console, isLinked: false, []);
        streams.Install(p.Guest.Process.Files, p.Guest.Process.FileSystem.Mounts);
        yield return Do(ioctl, 0, (ulong)IoctlRequest.TCGETS, Data);
        yield return Do(ioctl, 0, (ulong)IoctlRequest.TCSETS, Data);
        yield return Do(ioctl, 0, (ulong)IoctlRequest.TCSETSF, Data);
        yield return Do(ioctl, 0, (ulong)IoctlRequest.TIOCGWINSZ, Data + 0x100);
        yield return Do(ioctl, 0, (ulong)IoctlRequest.TIOCSWINSZ, Data + 0x100);
        yield return Do(ioctl, 0, (ulong)IoctlRequest.TIOCSCTTY);
        yield return Do(ioctl, 0, (ulong)IoctlRequest.TIOCGPGRP, Data + 0x100);
        yield return Do(ioctl, 0, (ulong)IoctlRequest.TIOCSPGRP, Data + 0x100);
        yield return Do(ioctl, 0, (ulong)IoctlRequest.TIOCGSID, Data + 0x100);
        yield return Do(ioctl, 0, (ulong)IoctlRequest.FIONREAD, Data + 0x100);
        yield return Do(ioctl, 0, (ulong)IoctlRequest.TCFLSH, 2);
        yield return Do(ioctl, 0, (ulong)IoctlRequest.FIOCLEX);
        yield return Do(write, 1, p.Text("to the screen\n"), 14);
        yield return Do(fstat, 0, Data);
        p.Guest.Write(Data, new PollFd { fd = 0, events = (PollEvents)1 });
        yield return Do(poll, Data, 1, 1);
    }

    private static IEnumerable<Call> UsersAndGroups(ScenarioProgram p)
    {
        yield return Do(getuid);
        yield return Do(geteuid);
        yield return Do(getgid);
        yield return Do(getegid);
        yield return Do(getresuid, Data, Data + 4, Data + 8);
        yield return Do(getresgid, Data, Data + 4, Data + 8);
        yield return Do(setgid, 0);
        yield return Do(setregid, 0, 0);
        yield return Do(setresgid, 0, 0, 0);
        yield return Do(setfsgid, 0);
        yield return Do(setuid, 0);
        yield return Do(setreuid, 0, 0);
        yield return Do(setfsuid, 0);
        yield return Do(getppid);
        yield return Do(getpgrp);
        yield return Do(getpgid, 0);
        yield return Do(getsid, 0);
        yield return Do(setpgid, 0, 0);
        yield return Do(setsid);
        p.Guest.Write(Data, 0x2008_0522U);
        p.Guest.Write(Data + 4, 0U);
        yield return Do(capget, Data, Data + 0x10);
        yield return Do(capset, Data, Data + 0x10);
        foreach ((ulong option, ulong argument) in ((ulong, ulong)[])[
            (1, 0), (2, Data), (3, 0), (4, 1), (7, 0), (8, 1), (16, Data), (23, 1), (24, 1), (29, 1000), (30, 0), (36, 1), (37, Data),
            (38, 1), (39, 0)])
        {
            yield return Do(prctl, option, argument);
        }

        yield return Do(prctl, 47, 4);
        yield return Do(personality, 0xFFFF_FFFF);
    }

    private static IEnumerable<Call> Scheduling(ScenarioProgram p)
    {
        yield return Do(gettid);
        yield return Do(getpriority, 0, 0);
        yield return Do(setpriority, 0, 0, 5);
        yield return Do(sched_getscheduler, 0);
        yield return Do(sched_getparam, 0, Data);
        yield return Do(sched_setparam, 0, Data);
        yield return Do(sched_setscheduler, 0, 0, Data);
        yield return Do(sched_get_priority_max, 1);
        yield return Do(sched_get_priority_min, 1);
        yield return Do(sched_rr_get_interval, 0, Data);
        yield return Do(sched_getaffinity, 0, 8, Data);
        yield return Do(sched_setaffinity, 0, 8, Data);
        yield return Do(getcpu, Data, Data + 4);
        yield return Do(membarrier, 0);
        yield return Do(membarrier, 16);
        yield return Do(membarrier, 8);
        yield return Do(getrlimit, 7, Data);
        yield return Do(prlimit64, 0, 7, Limits(p), Data);
        yield return Do(arch_prctl, 0x1003, Data);
        yield return Do(set_tid_address, Data);
        yield return Do(set_robust_list, Data, 24);
        yield return Do(get_robust_list, 0, Data, Data + 8);
        yield return Do(mlock2, Data, Page, 1);
        yield return Do(munlock, Data, Page);
        yield return Do(mlockall, 1);
        yield return Do(munlockall);
    }

    private static IEnumerable<Call> Time(ScenarioProgram p)
    {
        yield return Do(SyscallNumber.time, Data);
        yield return Do(gettimeofday, Data, 0);
        yield return Do(settimeofday, Data, 0);
        yield return Do(clock_gettime, 0, Data);
        yield return Do(clock_settime, 0, Data);
        yield return Do(clock_getres, 1, Data);
        yield return Do(getitimer, 0, Data);
        p.Guest.Write(Data, new SigEvent { sigev_notify = SigEventNotify.SIGEV_NONE });
        yield return Do(timer_create, (ulong)ClockId.CLOCK_MONOTONIC, Data, Data + 0x100);
        ulong id = p.Guest.Read<uint>(Data + 0x100);
        yield return Do(timer_gettime, id, Data);
        yield return Do(timer_getoverrun, id);
        yield return Do(restart_syscall);
    }

    private static IEnumerable<Call> Handlers(ScenarioProgram p)
    {
        const ulong Handler = Guest.Base + 0x1800;
        const ulong RestorerFlag = 0x0400_0000;
        ulong alarmBit = SignalSet.Of(Signal.SIGALRM).Bits;
        p.Guest.Write(Data, Handler);
        p.Guest.Write(Data + 8, RestorerFlag);
        p.Guest.Write(Data + 16, Handler);
        p.Guest.Write(Data + 24, 0UL);
        yield return Do(rt_sigaction, (ulong)Signal.SIGALRM, Data, Data + 0x100, 8);
        yield return Do(tkill, 1, (ulong)Signal.SIGALRM);
        yield return Do(rt_sigreturn);

        // A signal that is pending when the wait begins, and one that comes meanwhile.
        p.Guest.Write(Data + 0x200, alarmBit);
        p.Guest.Write(Data + 0x208, 0UL);
        yield return Do(rt_sigprocmask, 0, Data + 0x200, 0, 8);
        p.Guest.Write(Data + 0x300, new SigInfo { si_signo = Signal.SIGALRM, si_code = -1 });
        yield return Do(rt_tgsigqueueinfo, 1, 1, (ulong)Signal.SIGALRM, Data + 0x300);
        yield return Do(rt_sigsuspend, Data + 0x208, 8);
        yield return Do(rt_sigreturn);
        yield return Do(rt_sigprocmask, 1, Data + 0x200, 0, 8);
        p.Guest.Write(Data + 0x400, new Itimerval { it_value = new Timeval { tv_usec = 5 } });
        yield return Do(setitimer, 0, Data + 0x400);
        yield return Do(pause);
        yield return Do(rt_sigreturn);
    }

    private static IEnumerable<Call> NewerThreads(ScenarioProgram p)
    {
        const ulong Arguments = Data + 0x200;
        const ulong Size = 64;
        for (ulong i = 0; i < Size; i += 8)
        {
            p.Guest.Write(Arguments + i, 0UL);
        }

        p.Guest.Write(Arguments, ThreadFlags);
        p.Guest.Write(Arguments + 40, Guest.StackTop - 0x1800);
        p.Guest.Write(Arguments + 48, 0x800UL);
        p.Prepare(Sleeper(Data + 0x80));
        yield return Do(clone3, Arguments, Size);
        yield return Do(sched_yield);
        yield return Do(futex, Data + 0x80, 1, 1);
        yield return Do(wait4, ulong.MaxValue, Data, 1);
        yield return Do(waitid, 0, 0, Data, 5);
        yield return Do(exit_group, 0);
    }
}

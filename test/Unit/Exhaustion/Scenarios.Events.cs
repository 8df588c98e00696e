using Semitone.Abi;
using static Semitone.Abi.SyscallNumber;
using static Semitone.Unit.Exhaustion.ScenarioProgram;

namespace Semitone.Unit.Exhaustion;

/// <summary>What programs wait for by descriptors: signals, timers, changes of files.</summary>
internal static partial class Scenarios
{
    private static IEnumerable<Call> SignalAndTimerFiles(ScenarioProgram p)
    {
        p.Guest.Write(Data, SignalSet.Of(Signal.SIGUSR1));
        yield return Do(rt_sigprocmask, 0, Data, 0, 8);
        yield return Do(signalfd, ulong.MaxValue, Data, 8);
        yield return Do(signalfd4, ulong.MaxValue, Data, 8, 0x800);
        ulong signals = (ulong)p.Result;
        yield return Do(epoll_create1, 0);
        ulong epoll = (ulong)p.Result;
        yield return Do(epoll_ctl, epoll, 1, signals, Data);
        yield return Do(kill, 1, (ulong)Signal.SIGUSR1);
        yield return Do(read, signals, Data + 0x100, 128);
        for (int i = 0; i < 20; i++)
        {
            yield return Do(timerfd_create, 1, 0);
        }

        ulong timer = (ulong)p.Result;
        p.Guest.Write(Data, new Itimerspec { it_value = Timespec.FromNs(1000), it_interval = Timespec.FromNs(1_000_000) });
        yield return Do(timerfd_settime, timer, 0, Data, Data + 0x100);
        yield return Do(read, timer, Data + 0x100, 8);
        yield return Do(timerfd_gettime, timer, Data + 0x100);
    }

    private static IEnumerable<Call> FileWatches(ScenarioProgram p)
    {
        yield return Do(inotify_init);
        yield return Do(inotify_init1, 0x800);
        ulong instance = (ulong)p.Result;
        yield return Do(inotify_add_watch, instance, p.Text("/"), 0xFFF);
        ulong watch = (ulong)p.Result;
        for (int i = 0; i < 20; i++)
        {
            ulong name = p.Text($"/watched{i}");
            yield return Open(name, OpenFlags.O_CREAT | OpenFlags.O_RDWR);
            yield return Do(inotify_add_watch, instance, name, 0xFFF);
            yield return Do(rename, name, p.Text($"/w{i}"));
        }

        yield return Do(unlink, p.Text("/w3"));
        yield return Do(inotify_rm_watch, instance, watch);

        // An event without a name is as long as that of a loss.
        yield return Do(inotify_init1, 0x800);
        instance = (ulong)p.Result;
        yield return Do(inotify_add_watch, instance, p.Text("/w5"), 0x20);
        yield return Open(p.Text("/w5"), OpenFlags.O_RDWR);
        yield return Do(read, instance, Data, 0x1000);
    }

    private static IEnumerable<Call> Splicing(ScenarioProgram p)
    {
        yield return Do(pipe, Data);
        ulong reader = p.Guest.Read<uint>(Data);
        ulong writer = p.Guest.Read<uint>(Data + 4);
        yield return Do(pipe, Data);
        ulong otherWriter = p.Guest.Read<uint>(Data + 4);
        yield return Open(p.Text("/spliced"), OpenFlags.O_CREAT | OpenFlags.O_RDWR);
        ulong file = (ulong)p.Result;
        yield return Do(unlink, p.Text("/spliced"));
        yield return Do(ftruncate, file, 4 * Page);
        yield return Do(splice, file, 0, writer, 0, 3 * Page, 0);
        yield return Do(tee, reader, otherWriter, Page, 0);
        yield return Do(splice, reader, 0, file, 0, Page, 0);
        yield return Do(vmsplice, writer, Vectors(p), 12, 0);
    }

    private static IEnumerable<Call> Devices(ScenarioProgram p)
    {
        yield return Do(mknod, p.Text("/n"), (ulong)(Mode.S_IFCHR | (Mode)0x1B6), 0x103);
        yield return Open(p.Text("/n"), OpenFlags.O_RDWR);
        ulong fd = (ulong)p.Result;
        yield return Do(write, fd, Data, 10);
        yield return Do(read, fd, Data, 10);
        yield return Do(close, fd);
    }
}

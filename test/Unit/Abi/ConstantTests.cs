using System.Globalization;
using System.Reflection;
using System.Text;
using Semitone.Abi;
using Semitone.Unit.Support;

namespace Semitone.Unit.Abi;

/// <summary>Compares the constants of the ABI with those of the kernel's own headers.</summary>
public sealed class ConstantTests
{
    private const string Golden = "constants.golden";

    /// <summary>Headers in an order that lets them be included together.</summary>
    private static readonly string[] s_headers =
    [
        "asm/unistd.h", "asm/errno.h", "linux/fcntl.h", "linux/stat.h", "linux/mman.h", "linux/memfd.h", "linux/membarrier.h",
        "linux/sched.h",
        "linux/futex.h", "asm/prctl.h", "linux/prctl.h", "linux/wait.h", "linux/personality.h", "linux/resource.h", "linux/random.h",
        "linux/reboot.h",
        "linux/auxvec.h", "linux/signal.h", "asm/siginfo.h", "linux/time.h", "linux/timerfd.h", "linux/signalfd.h",
        "linux/inotify.h", "linux/shm.h", "linux/sem.h", "linux/msg.h", "linux/kcmp.h", "asm/poll.h", "linux/eventpoll.h",
        "linux/fs.h", "linux/mount.h", "linux/falloc.h", "linux/fadvise.h", "linux/close_range.h", "linux/magic.h",
        "linux/capability.h", "linux/securebits.h", "linux/uio.h", "linux/limits.h", "linux/xattr.h", "asm/termbits.h", "asm/ioctls.h",
        "asm/sigcontext.h", "asm/ucontext.h", "asm/socket.h", "linux/in.h", "linux/in6.h", "linux/tcp.h", "linux/sockios.h",
    ];

    /// <summary>Constants of C that are no macros.</summary>
    private static readonly string[] s_prefixesOfEnumerators = ["MEMBARRIER_CMD_", "KCMP_", "ADDR_", "PER_", "UNAME26", "MMAP_PAGE_ZERO",
        "READ_IMPLIES_EXEC", "STICKY_TIMEOUTS"];

    /// <summary>Names that the kernel's headers for programs do not have; they stand in the manual pages.</summary>
    private static readonly string[] s_elsewhere =
    [
        "F_SEAL_EXEC", "MFD_NOEXEC_SEAL", "MFD_EXEC", "SPLICE_F_MOVE", "SPLICE_F_NONBLOCK", "SPLICE_F_MORE", "SPLICE_F_GIFT",
        "SHM_DEST", "SHM_LOCKED", "MQUEUE_MAGIC",
        "FUTEX2_SIZE_U32", "FUTEX2_SIZE_MASK", "FUTEX2_PRIVATE",
        "F_OK", "R_OK", "W_OK", "X_OK", "MNT_FORCE", "MNT_DETACH", "MNT_EXPIRE", "UMOUNT_NOFOLLOW", "O_ASYNC", "ENOTSUP",
        "F_DUPFD_QUERY", "F_CREATED_QUERY", "DT_UNKNOWN", "DT_FIFO", "DT_CHR", "DT_DIR", "DT_BLK", "DT_REG", "DT_LNK", "DT_SOCK", "DT_WHT",
        "EFD_SEMAPHORE", "EFD_NONBLOCK", "EFD_CLOEXEC", "SCHED_OTHER", "USER_HZ", "MAX_RW_COUNT", "MAXSYMLINKS",
        "PIDFD_SIGNAL_THREAD", "PIDFD_SIGNAL_THREAD_GROUP", "PIDFD_SIGNAL_PROCESS_GROUP",
        "AT_RSEQ_FEATURE_SIZE", "AT_RSEQ_ALIGN", "AT_SYSINFO",
        "SYSLOG_ACTION_CLOSE", "SYSLOG_ACTION_OPEN", "SYSLOG_ACTION_READ", "SYSLOG_ACTION_READ_ALL", "SYSLOG_ACTION_READ_CLEAR",
        "SYSLOG_ACTION_CLEAR", "SYSLOG_ACTION_CONSOLE_OFF", "SYSLOG_ACTION_CONSOLE_ON", "SYSLOG_ACTION_CONSOLE_LEVEL",
        "SYSLOG_ACTION_SIZE_UNREAD", "SYSLOG_ACTION_SIZE_BUFFER",
        "AF_UNSPEC", "AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK", "AF_PACKET",
        "SOCK_TYPE_MASK", "SOCK_STREAM", "SOCK_DGRAM", "SOCK_RAW", "SOCK_RDM", "SOCK_SEQPACKET", "SOCK_DCCP", "SOCK_PACKET",
        "SOCK_NONBLOCK", "SOCK_CLOEXEC", "SHUT_RD", "SHUT_WR", "SHUT_RDWR", "SCM_RIGHTS", "SCM_CREDENTIALS",
        "MSG_OOB", "MSG_PEEK", "MSG_DONTROUTE", "MSG_CTRUNC", "MSG_PROXY", "MSG_TRUNC", "MSG_DONTWAIT", "MSG_EOR", "MSG_WAITALL", "MSG_FIN",
        "MSG_SYN", "MSG_CONFIRM", "MSG_RST", "MSG_ERRQUEUE", "MSG_NOSIGNAL", "MSG_MORE", "MSG_WAITFORONE", "MSG_BATCH", "MSG_ZEROCOPY",
        "MSG_FASTOPEN", "MSG_CMSG_CLOEXEC",
        "SOL_IP", "SOL_TCP", "SOL_UDP", "SOL_IPV6", "SOL_ICMPV6", "SOL_RAW", "SOL_PACKET", "SOL_NETLINK",
        "SO_PEERPIDFD",
        "ARCH_CET_STATUS", "ARCH_SHSTK_ENABLE", "ARCH_SHSTK_DISABLE", "ARCH_SHSTK_LOCK", "ARCH_SHSTK_STATUS",
    ];

    [Fact]
    public void Constants_HaveLinuxValues()
    {
        Dictionary<string, long> golden = GoldenFile.ReadLines(Golden).Select(line => line.Split(' '))
            .ToDictionary(parts => parts[0], parts => long.Parse(parts[1], CultureInfo.InvariantCulture));
        List<string> wrong = [];
        List<string> unknown = [];
        foreach ((string name, long value) in GetConstants())
        {
            if (golden.TryGetValue(name, out long expected))
            {
                if (expected != value)
                {
                    wrong.Add($"{name} is {value:x} and should be {expected:x}");
                }
            }
            else if (!s_elsewhere.Contains(name))
            {
                unknown.Add(name);
            }
        }

        Assert.Empty(wrong);
        Assert.Empty(unknown);
    }

    [Fact]
    public void GoldenFile_IsWhatTheCompilerSays()
    {
        // The kernel's headers for programs name SIGRTMAX by a macro that they do not have.
        StringBuilder source = new("#define _NSIG 64\n");
        foreach (string header in s_headers)
        {
            source.AppendLine(CultureInfo.InvariantCulture, $"#include <{header}>");
        }

        source.AppendLine("int printf(const char *format, ...);\nint main(void)\n{");
        foreach ((string name, _) in GetConstants().DistinctBy(constant => constant.Name))
        {
            string print = $"    printf(\"{name} %lld\\n\", (long long){name});";
            bool isEnumerator = s_prefixesOfEnumerators.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal));
            source.AppendLine(isEnumerator ? print : $"#ifdef {name}\n{print}\n#endif");
        }

        source.AppendLine("    return 0;\n}");
        string printed = CCompiler.Run(source.ToString());
        if (GoldenFile.IsUpdating)
        {
            GoldenFile.Verify(printed, Golden);
            return;
        }

        // Headers older or newer than those of the golden file lack some names; those that are there must agree.
        HashSet<string> golden = [.. GoldenFile.ReadLines(Golden)];
        Assert.DoesNotContain(printed.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => !golden.Contains(line));
    }

    [Fact]
    public void SyscallNumber_CoversTheWholeTable()
    {
        int[] numbers = [.. Enum.GetValues<SyscallNumber>().Select(number => (int)number).Order()];
        int[] expected = [.. Enumerable.Range(0, 335), .. Enumerable.Range(424, 39)];
        Assert.Equal(expected, numbers);
    }

    [Fact]
    public void GetUtf8Text_EveryErrno_HasAText()
    {
        foreach (Errno error in Enum.GetValues<Errno>())
        {
            Assert.NotEqual("Unknown error", error.GetText());
        }
    }

    private static IEnumerable<(string Name, long Value)> GetConstants()
    {
        foreach (Type type in typeof(Stat).Assembly.GetExportedTypes())
        {
            foreach (FieldInfo field in type.GetFields(BindingFlags.Public | BindingFlags.Static))
            {
                // Linux's names are in capitals; ours are not.
                if (!field.IsLiteral
                    || field.Name.Length < 2
                    || field.Name.Any(char.IsLower)
                    || type == typeof(RestartErrno)
                    || field.FieldType == typeof(string))
                {
                    continue;
                }

                object value = field.GetRawConstantValue()!;
                yield return (field.Name, value is ulong bits
                    ? unchecked((long)bits)
                    : Convert.ToInt64(value, CultureInfo.InvariantCulture));
            }
        }
    }
}

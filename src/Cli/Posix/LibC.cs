using System.Runtime.InteropServices;

namespace Semitone.Cli.Posix;

/// <summary>The C library's functions that .NET has no equal of.</summary>
internal static class LibC
{
    public const int EPERM = 1;
    public const int ENOENT = 2;
    public const int EINTR = 4;
    public const int ENXIO = 6;
    public const int EBADF = 9;
    public const int EAGAIN = 11;
    public const int ENOMEM = 12;
    public const int EACCES = 13;
    public const int EBUSY = 16;
    public const int EEXIST = 17;
    public const int ENODEV = 19;
    public const int ENOTDIR = 20;
    public const int ENFILE = 23;
    public const int EMFILE = 24;
    public const int ENOSPC = 28;
    public const int EPIPE = 32;
    public const int ENOTEMPTY = 39;
    public const int EDQUOT = 122;

    public const int O_RDONLY = 0;
    public const int O_RDWR = 2;
    public const int O_CREAT = 0x40;
    public const int O_TRUNC = 0x200;
    public const int O_APPEND = 0x400;
    public const int O_NONBLOCK = 0x800;
    public const int O_CLOEXEC = 0x80000;
    public const int F_GETFD = 1;
    public const int F_DUPFD_CLOEXEC = 1030;
    public const short POLLIN = 1;
    public const short POLLOUT = 4;
    public const int AT_FDCWD = -100;
    public const int AT_SYMLINK_NOFOLLOW = 0x100;
    public const int AT_EMPTY_PATH = 0x1000;
    public const int SEEK_CUR = 1;
    public const int R_OK = 4;
    public const uint STATX_BASIC_STATS = 0x7FF;
    public const int AF_UNIX = 1;
    public const int SOCK_STREAM = 1;
    public const int SOCK_CLOEXEC = 0x80000;
    public const int PROT_READ = 1;
    public const int PROT_WRITE = 2;
    public const int MAP_SHARED = 1;
    public const int MAP_PRIVATE = 2;
    public const int MAP_ANONYMOUS = 0x20;
    public const int TCSANOW = 0;
    public const ulong TIOCGWINSZ = 0x5413;
    public const ulong FIONREAD = 0x541B;
    public const int PR_SET_DUMPABLE = 4;
    public const long SYS_pidfd_open = 434;
    public const long SYS_pidfd_send_signal = 424;
    public const int O_WRONLY = 1;

    public const int SIGHUP = 1;
    public const int SIGINT = 2;
    public const int SIGQUIT = 3;
    public const int SIGKILL = 9;
    public const int SIGUSR1 = 10;
    public const int SIGUSR2 = 12;
    public const int SIGPIPE = 13;
    public const int SIGALRM = 14;
    public const int SIGTERM = 15;
    public const int SIGCONT = 18;
    public const int SIGSTOP = 19;
    public const int SIGTSTP = 20;

    [DllImport("libc", SetLastError = true)]
    public static extern nint read(int descriptor, ref byte buffer, nuint count);

    [DllImport("libc", SetLastError = true)]
    public static extern nint write(int descriptor, ref readonly byte buffer, nuint count);

    [DllImport("libc", SetLastError = true)]
    public static extern int open(byte[] path, int flags);

    [DllImport("libc", SetLastError = true)]
    public static extern int open(byte[] path, int flags, uint mode);

    [DllImport("libc", SetLastError = true)]
    public static extern int unlink(byte[] path);

    [DllImport("libc", SetLastError = true)]
    public static extern int fcntl(int descriptor, int command);

    [DllImport("libc", SetLastError = true)]
    public static extern int fcntl(int descriptor, int command, int argument);

    [DllImport("libc", SetLastError = true)]
    public static extern int fcntl(int descriptor, int command, [In, Out] byte[] argument);

    [DllImport("libc", SetLastError = true)]
    public static extern long syscall(long number, long first, long second, long third, long fourth);

    [DllImport("libc", SetLastError = true)]
    public static extern int mkdir(byte[] path, uint mode);

    [DllImport("libc", SetLastError = true)]
    public static extern int ftruncate(int descriptor, long length);

    [DllImport("libc", SetLastError = true)]
    public static extern int rmdir(byte[] path);

    [DllImport("libc", SetLastError = true)]
    public static extern int rename(byte[] from, byte[] to);

    [DllImport("libc", SetLastError = true)]
    public static extern int chdir(byte[] path);

    [DllImport("libc", SetLastError = true)]
    public static extern int fsync(int descriptor);

    [DllImport("libc", SetLastError = true)]
    public static extern int poll(ref PollEntry entries, nuint count, int timeoutMs);

    [DllImport("libc", SetLastError = true)]
    public static extern int poll([In, Out] PollEntry[] entries, nuint count, int timeoutMs);

    [DllImport("libc", SetLastError = true)]
    public static extern int close(int descriptor);

    [DllImport("libc", SetLastError = true)]
    public static extern int pipe2([Out] int[] descriptors, int flags);

    [DllImport("libc", SetLastError = true)]
    public static extern int memfd_create(string name, uint flags);

    [DllImport("libc", SetLastError = true)]
    public static extern long lseek(int descriptor, long offset, int whence);

    [DllImport("libc", SetLastError = true)]
    public static extern int statx(int directory, byte[] path, int flags, uint mask, [Out] byte[] status);

    [DllImport("libc", SetLastError = true)]
    public static extern int access(byte[] path, int mode);

    [DllImport("libc", SetLastError = true)]
    public static extern nint readlink(byte[] path, [Out] byte[] target, nuint size);

    [DllImport("libc", SetLastError = true)]
    public static extern nint getcwd([Out] byte[] path, nuint size);

    [DllImport("libc", SetLastError = true)]
    public static extern nint getdents64(int descriptor, [Out] byte[] entries, nuint size);

    [DllImport("libc", SetLastError = true)]
    public static extern int statfs(byte[] path, [Out] byte[] status);

    [DllImport("libc")]
    public static extern uint getegid();

    [DllImport("libc")]
    public static extern int isatty(int descriptor);

    [DllImport("libc", SetLastError = true)]
    public static extern int tcgetattr(int descriptor, [Out] byte[] attributes);

    [DllImport("libc", SetLastError = true)]
    public static extern int tcsetattr(int descriptor, int when, byte[] attributes);

    [DllImport("libc", SetLastError = true)]
    public static extern int ioctl(int descriptor, ulong request, [Out] ushort[] argument);

    [DllImport("libc", SetLastError = true)]
    public static extern int ioctl(int descriptor, ulong request, nint argument);

    [DllImport("libc", SetLastError = true)]
    public static extern int ioctl(int descriptor, ulong request, [In, Out] byte[] argument);

    [DllImport("libc", SetLastError = true)]
    public static extern nint mmap(nint address, nuint length, int protection, int flags, int descriptor, long offset);

    [DllImport("libc", SetLastError = true)]
    public static extern int munmap(nint address, nuint length);

    [DllImport("libc", SetLastError = true)]
    public static extern int socketpair(int domain, int type, int protocol, [Out] int[] descriptors);

    [DllImport("libc")]
    public static extern uint geteuid();

    [DllImport("libc", SetLastError = true)]
    public static extern int ioctl(int descriptor, ulong request, out int argument);

    [DllImport("libc", SetLastError = true)]
    public static extern int tcgetpgrp(int descriptor);

    [DllImport("libc")]
    public static extern int getpgrp();

    [DllImport("libc")]
    public static extern int getpid();

    [DllImport("libc", SetLastError = true)]
    public static extern int prctl(int operation, ulong argument2, ulong argument3, ulong argument4, ulong argument5);

    // The structure is passed as an array that is larger than glibc's and musl's (152 bytes); all zeroes stand for SIG_DFL.
    [DllImport("libc", SetLastError = true)]
    public static extern int sigaction(int signal, byte[] action, [Out] byte[]? former);

    [DllImport("libc", SetLastError = true)]
    public static extern int kill(int process, int signal);

    [DllImport("libc", SetLastError = true)]
    public static extern int waitpid(int process, out int status, int options);

    // The opaque objects are passed as arrays that are larger than glibc's and musl's (80 and 336 bytes).
    [DllImport("libc")]
    public static extern int posix_spawnp(
        out int process, byte[] file, byte[] fileActions, byte[] attributes, nint[] arguments, nint[] environment);

    [DllImport("libc")]
    public static extern int posix_spawn_file_actions_init([In, Out] byte[] fileActions);

    [DllImport("libc")]
    public static extern int posix_spawn_file_actions_adddup2([In, Out] byte[] fileActions, int descriptor, int newDescriptor);

    [DllImport("libc")]
    public static extern int posix_spawn_file_actions_addopen(
        [In, Out] byte[] fileActions, int descriptor, string path, int flags, uint mode);

    [DllImport("libc")]
    public static extern int posix_spawn_file_actions_destroy([In, Out] byte[] fileActions);

    [DllImport("libc")]
    public static extern int posix_spawnattr_init([In, Out] byte[] attributes);

    [DllImport("libc")]
    public static extern int posix_spawnattr_setflags([In, Out] byte[] attributes, short flags);

    [DllImport("libc")]
    public static extern int posix_spawnattr_setsigdefault([In, Out] byte[] attributes, byte[] signals);

    [DllImport("libc")]
    public static extern int posix_spawnattr_setsigmask([In, Out] byte[] attributes, byte[] signals);

    /// <summary>struct pollfd, poll(2).</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct PollEntry
    {
        public int Descriptor;
        public short Events;
        public short Found;
    }

    /// <summary>Ends the process at once, without waiting for threads that block in read(2).</summary>
    [DllImport("libc")]
    public static extern void _exit(int status);
}

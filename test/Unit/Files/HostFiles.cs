using System.Runtime.InteropServices;
using System.Text;
using Semitone.Abi;

namespace Semitone.Unit.Files;

/// <summary>The host's own file system, by its system calls: Linux is the oracle for what ours must answer.</summary>
internal static partial class HostFiles
{
    public const int AtRemoveDirectory = 0x200;

    public static int OpenDirectory(string path) => Check(openat(-100, Terminate(path), (int)OpenFlags.O_DIRECTORY, 0));

    public static Errno Open(int directory, string path, OpenFlags flags, uint mode, out int fd)
    {
        fd = openat(directory, Terminate(path), (int)flags, mode);
        return fd < 0 ? LastError : Errno.None;
    }

    public static void Close(int fd) => Check(close(fd));

    public static Errno MakeDirectory(int directory, string path) => Result(mkdirat(directory, Terminate(path), 0x1ED));

    public static Errno Unlink(int directory, string path) => Result(unlinkat(directory, Terminate(path), 0));

    public static Errno RemoveDirectory(int directory, string path) => Result(unlinkat(directory, Terminate(path), AtRemoveDirectory));

    public static Errno Rename(int directory, string oldPath, string newPath, RenameFlags flags) =>
        Result(renameat2(directory, Terminate(oldPath), directory, Terminate(newPath), (uint)flags));

    public static Errno Link(int directory, string oldPath, string newPath) =>
        Result(linkat(directory, Terminate(oldPath), directory, Terminate(newPath), 0));

    public static Errno MakeSymbolicLink(int directory, string target, string path) =>
        Result(symlinkat(Terminate(target), directory, Terminate(path)));

    public static (long Result, Errno Error) Read(int fd, byte[] buffer, long offset)
    {
        long result = offset < 0 ? read(fd, buffer, (nuint)buffer.Length) : pread(fd, buffer, (nuint)buffer.Length, offset);
        return (result, result < 0 ? LastError : Errno.None);
    }

    public static (long Result, Errno Error) Write(int fd, byte[] buffer, long offset)
    {
        long result = offset < 0 ? write(fd, buffer, (nuint)buffer.Length) : pwrite(fd, buffer, (nuint)buffer.Length, offset);
        return (result, result < 0 ? LastError : Errno.None);
    }

    public static (long Result, Errno Error) Seek(int fd, long offset, SeekWhence origin)
    {
        long result = lseek(fd, offset, (int)origin);
        return (result, result < 0 ? LastError : Errno.None);
    }

    public static Errno Truncate(int fd, long length) => Result(ftruncate(fd, length));

    public static Errno Stat(int directory, string path, bool follow, out Stat stat) =>
        Result(fstatat(directory, Terminate(path), out stat, follow ? 0 : (int)AtFlags.AT_SYMLINK_NOFOLLOW));

    private static Errno LastError => (Errno)Marshal.GetLastPInvokeError();

    private static byte[] Terminate(string path) => Encoding.UTF8.GetBytes(path + "\0");

    private static Errno Result(int result) => result < 0 ? LastError : Errno.None;

    private static int Check(int result) => result >= 0 ? result : throw new InvalidOperationException(LastError.ToString());

#pragma warning disable IDE1006, SA1300, SYSLIB1054
    [DllImport("libc", SetLastError = true)]
    private static extern int openat(int directory, byte[] path, int flags, uint mode);

    [DllImport("libc", SetLastError = true)]
    private static extern int close(int fd);

    [DllImport("libc", SetLastError = true)]
    private static extern int mkdirat(int directory, byte[] path, uint mode);

    [DllImport("libc", SetLastError = true)]
    private static extern int unlinkat(int directory, byte[] path, int flags);

    [DllImport("libc", SetLastError = true)]
    private static extern int renameat2(int oldDirectory, byte[] oldPath, int newDirectory, byte[] newPath, uint flags);

    [DllImport("libc", SetLastError = true)]
    private static extern int linkat(int oldDirectory, byte[] oldPath, int newDirectory, byte[] newPath, int flags);

    [DllImport("libc", SetLastError = true)]
    private static extern int symlinkat(byte[] target, int directory, byte[] path);

    [DllImport("libc", SetLastError = true)]
    private static extern long read(int fd, byte[] buffer, nuint count);

    [DllImport("libc", SetLastError = true)]
    private static extern long pread(int fd, byte[] buffer, nuint count, long offset);

    [DllImport("libc", SetLastError = true)]
    private static extern long write(int fd, byte[] buffer, nuint count);

    [DllImport("libc", SetLastError = true)]
    private static extern long pwrite(int fd, byte[] buffer, nuint count, long offset);

    [DllImport("libc", SetLastError = true)]
    private static extern long lseek(int fd, long offset, int origin);

    [DllImport("libc", SetLastError = true)]
    private static extern int ftruncate(int fd, long length);

    [DllImport("libc", SetLastError = true)]
    private static extern int fstatat(int directory, byte[] path, out Stat stat, int flags);
#pragma warning restore IDE1006, SA1300, SYSLIB1054
}

using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Semitone.Cli.Posix;

/// <summary>A lock that lasts as long as the process that holds it, however that ends: nothing is locked for ever.</summary>
/// <remarks>
/// An open file description lock, F_OFD_SETLK of fcntl(2): unlike flock(2) it can be asked about without being taken, so that whoever
/// looks never is in the way of whoever takes it; unlike other record locks it is not lost when the process closes another descriptor of
/// the file. Our children do not inherit the descriptor.
/// </remarks>
internal sealed class FileLock : IDisposable
{
    // struct flock of x86-64: type and whence of 2 bytes, start, length, process; a length of 0 is the whole file.
    private const int LockSize = 32;
    private const int F_OFD_GETLK = 36;
    private const int F_OFD_SETLK = 37;
    private const short F_WRLCK = 1;
    private const short F_UNLCK = 2;

    private int _descriptor;

    private FileLock(int descriptor) => _descriptor = descriptor;

    /// <summary>Takes a lock, unless somebody has it; makes the file where it is missing.</summary>
    /// <returns>Null when somebody else has it, or when the file has been removed meanwhile.</returns>
    /// <exception cref="IOException">The file cannot be opened or locked at all.</exception>
    public static FileLock? TryTake(string path)
    {
        const uint Permissions = 0x180;
        int descriptor = LibC.open(HostText.ToCString(path), LibC.O_RDWR | LibC.O_CREAT | LibC.O_CLOEXEC, Permissions);
        if (descriptor < 0)
        {
            throw MakeException(path);
        }

        if (LibC.fcntl(descriptor, F_OFD_SETLK, Describe(F_WRLCK)) != 0)
        {
            int error = Marshal.GetLastPInvokeError();
            LibC.close(descriptor);
            return error is LibC.EAGAIN or LibC.EACCES ? null : throw new IOException($"{path}: {Marshal.GetPInvokeErrorMessage(error)}");
        }

        // Between the two calls the folder may have been removed: then this is a lock of nothing.
        if (!FileStatus.TryReadOpen(descriptor, out FileStatus open) || !FileStatus.TryRead(path, out FileStatus there)
            || (open.Device, open.Inode) != (there.Device, there.Inode))
        {
            LibC.close(descriptor);
            return null;
        }

        return new FileLock(descriptor);
    }

    /// <summary>Tells whether somebody has a lock; false where there is no file.</summary>
    public static bool IsTaken(string path)
    {
        int descriptor = LibC.open(HostText.ToCString(path), LibC.O_RDWR | LibC.O_CLOEXEC);
        if (descriptor < 0)
        {
            return false;
        }

        byte[] description = Describe(F_WRLCK);
        bool isKnown = LibC.fcntl(descriptor, F_OFD_GETLK, description) == 0;
        LibC.close(descriptor);
        return isKnown && BinaryPrimitives.ReadInt16LittleEndian(description) != F_UNLCK;
    }

    public void Dispose()
    {
        int descriptor = Interlocked.Exchange(ref _descriptor, -1);
        if (descriptor >= 0)
        {
            LibC.close(descriptor);
        }
    }

    private static byte[] Describe(short type)
    {
        byte[] description = new byte[LockSize];
        BinaryPrimitives.WriteInt16LittleEndian(description, type);
        return description;
    }

    private static IOException MakeException(string path)
    {
        int error = Marshal.GetLastPInvokeError();
        string message = $"{path}: {Marshal.GetPInvokeErrorMessage(error)}";
        return error is LibC.ENOENT or LibC.ENOTDIR ? new FileNotFoundException(message) : new IOException(message);
    }
}

using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;

namespace Semitone.Syscalls;

/// <summary>What system calls that have to do with files need time and again.</summary>
public sealed partial class SyscallContext
{
    private byte[]? _pathBuffer;
    private byte[]? _secondPathBuffer;
    private UserSpan[]? _segments;
    private PollFd[] _pollBuffer = [];
    private FileRead? _fileRead;

    /// <summary>Gets a page for bytes on their way between guest and kernel; also what <see cref="ReadPath"/> fills.</summary>
    /// <returns>False when the kernel's heap has no room for it (ENOMEM): every thread keeps one.</returns>
    internal bool TryGetPathBuffer([NotNullWhen(true)] out byte[]? buffer)
    {
        buffer = _pathBuffer;
        return buffer is not null || TryMakeBuffer(ref _pathBuffer, out buffer);
    }

    /// <summary>The segments of an iovec array; belongs to the cursor that was made over it.</summary>
    internal ref UserSpan[]? Segments => ref _segments;

    /// <summary>The read that this thread waits for, if it does.</summary>
    internal FileRead FileRead => _fileRead ??= new FileRead(Thread);

    /// <summary>Room for the entries of poll(2); kept for the next call.</summary>
    internal PollFd[] GetPollBuffer(int count)
    {
        if (_pollBuffer.Length < count)
        {
            _pollBuffer = new PollFd[Math.Max(8, count)];
        }
        return _pollBuffer;
    }

    /// <summary>Reads a path.</summary>
    /// <param name="bytes">Valid until the next path of this thread is read.</param>
    internal Errno ReadPath(UserCString path, out ReadOnlySpan<byte> bytes) => ReadPath(path, ref _pathBuffer, out bytes);

    /// <summary>Reads the second path of a call that takes two.</summary>
    internal Errno ReadSecondPath(UserCString path, out ReadOnlySpan<byte> bytes) => ReadPath(path, ref _secondPathBuffer, out bytes);

    private Errno ReadPath(UserCString path, ref byte[]? kept, out ReadOnlySpan<byte> bytes)
    {
        byte[]? buffer = kept;
        if (buffer is null && !TryMakeBuffer(ref kept, out buffer))
        {
            bytes = default;
            return Errno.ENOMEM;
        }

        return Memory.ReadPath(path, buffer, out bytes);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool TryMakeBuffer(ref byte[]? kept, [NotNullWhen(true)] out byte[]? buffer)
    {
        if (!KernelHeap.TryAllocate(FileLimits.PATH_MAX, sizeof(byte), out buffer))
        {
            return false;
        }

        kept = buffer;
        return true;
    }

    /// <summary>Finds where a path starts (openat(2)).</summary>
    internal Errno GetStart(Fd directory, ReadOnlySpan<byte> path, out DirectoryInode start)
    {
        start = FileSystem.WorkingDirectory;
        if (path.IsEmpty)
        {
            // Whatever the descriptor is (path_resolution(7), "Empty pathname").
            return Errno.ENOENT;
        }
        if (directory.Number == Fd.AtFdCwd.Number || path[0] == (byte)'/')
        {
            return Errno.None;
        }
        if (!Files.TryGetAny(directory, out OpenFile? file, out Errno error))
        {
            return error;
        }
        if (file.Inode is not DirectoryInode found)
        {
            return Errno.ENOTDIR;
        }
        start = found;
        return Errno.None;
    }

    /// <summary>Finds the file that a call of the *at family names.</summary>
    /// <param name="follow">Whether a symbolic link at the end stands for its target.</param>
    /// <param name="mayBeEmpty">AT_EMPTY_PATH: an empty path stands for the descriptor itself.</param>
    internal Errno FindAt(Fd directory, UserCString path, bool follow, bool mayBeEmpty, out Inode? inode)
    {
        inode = null;
        Errno error = ReadPath(path, out ReadOnlySpan<byte> bytes);
        if (error != Errno.None)
        {
            return error;
        }
        if (bytes.IsEmpty && mayBeEmpty)
        {
            error = GetInode(directory, out inode);
            return error != Errno.None ? error : FileSystem.Refresh(inode!);
        }
        error = GetStart(directory, bytes, out DirectoryInode start);
        return error != Errno.None ? error : FileSystem.Find(start, bytes, follow, out inode);
    }

    /// <summary>Gets the file behind a descriptor, or the working directory.</summary>
    internal Errno GetInode(Fd fd, out Inode? inode)
    {
        if (fd.Number == Fd.AtFdCwd.Number)
        {
            inode = FileSystem.WorkingDirectory;
            return Errno.None;
        }
        bool isOpen = Files.TryGetAny(fd, out OpenFile? file, out Errno error);
        inode = isOpen ? file!.Inode : null;
        return error;
    }

    /// <summary>Tells whether a buffer lies where guests have memory at all; what is mapped there shows when it is used.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsInUserRange(ulong address, nuint length) => length <= Paging.UserEnd && address <= Paging.UserEnd - length;
}

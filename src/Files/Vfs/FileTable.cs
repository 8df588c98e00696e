using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using Semitone.Abi;
using Semitone.Core;

namespace Semitone.Files;

/// <summary>Descriptors (Linux's files_struct).</summary>
/// <remarks>
/// Threads share one, and processes that were cloned with CLONE_FILES; fork(2) copies it. The last user that leaves closes everything. A
/// new descriptor is the lowest that is free, as POSIX demands.
/// </remarks>
public sealed class FileTable
{
    private const int InitialLength = 64;
    private const int BitsPerWord = 64;

    /// <summary>More than any limit allows (fs.nr_open).</summary>
    public const int AbsoluteLimit = 1 << 20;

    /// <summary>
    /// A place for a file. Storing into an array of a structure asks nothing about the class of what is stored (array covariance).
    /// </summary>
    private struct Slot
    {
        public OpenFile? File;
    }

    private Slot[] _files;
    private ulong[] _used;
    private ulong[] _closeOnExec;

    public FileTable()
        : this(new Slot[InitialLength], new ulong[InitialLength / BitsPerWord], new ulong[InitialLength / BitsPerWord])
    {
    }

    private FileTable(Slot[] files, ulong[] used, ulong[] closeOnExec)
    {
        _files = files;
        _used = used;
        _closeOnExec = closeOnExec;
    }

    /// <summary>No descriptor has this number or a higher one (RLIMIT_NOFILE).</summary>
    public int Limit { get; set; } = 1024;

    /// <summary>One more than the highest descriptor that could be open.</summary>
    public int Length => _files.Length;

    /// <summary>Gets an open file that is good for transfers: EBADF for one that was opened with O_PATH.</summary>
    public bool TryGet(Fd fd, [NotNullWhen(true)] out OpenFile? file, out Errno error)
    {
        Slot[] files = _files;
        if ((uint)fd.Number < (uint)files.Length)
        {
            file = files[fd.Number].File;
            if (file is not null && !file.IsPathOnly)
            {
                error = Errno.None;
                return true;
            }
        }
        file = null;
        error = Errno.EBADF;
        return false;
    }

    /// <summary>Gets an open file, one opened with O_PATH included.</summary>
    public bool TryGetAny(Fd fd, [NotNullWhen(true)] out OpenFile? file, out Errno error)
    {
        file = (uint)fd.Number < (uint)_files.Length ? _files[fd.Number].File : null;
        error = file is null ? Errno.EBADF : Errno.None;
        return file is not null;
    }

    /// <summary>Gives an open file the lowest descriptor that is free. The table takes the caller's reference over.</summary>
    /// <param name="lowest">No lower one (F_DUPFD).</param>
    /// <returns>None; EMFILE, or ENFILE when the kernel has no room for more: the caller keeps its reference then.</returns>
    public Errno Add(OpenFile file, bool closeOnExec, out Fd fd, int lowest = 0)
    {
        int number = FindFree(lowest);
        if (number >= Limit || number >= AbsoluteLimit)
        {
            fd = new Fd(-1);
            return Errno.EMFILE;
        }
        if (!KernelHeap.HasRoom() || !TryMakeRoomFor(number))
        {
            fd = new Fd(-1);
            return Errno.ENFILE;
        }
        Place(number, file, closeOnExec);
        fd = new Fd(number);
        return Errno.None;
    }

    /// <summary>Tells whether there is a descriptor for one more file, for who must know before there is one.</summary>
    /// <returns>None or EMFILE.</returns>
    public Errno CheckRoom()
    {
        int number = FindFree(0);
        return number >= Limit || number >= AbsoluteLimit ? Errno.EMFILE : Errno.None;
    }

    /// <summary>
    /// Puts an open file at a descriptor of the caller's choice and closes what was there (dup2(2)). The table takes the reference over.
    /// </summary>
    /// <returns>None; EBADF for a number out of range, or ENOMEM: the caller keeps its reference then.</returns>
    public Errno Put(Fd fd, OpenFile file, bool closeOnExec)
    {
        if (fd.Number < 0 || fd.Number >= Limit || fd.Number >= AbsoluteLimit)
        {
            return Errno.EBADF;
        }
        if (!TryMakeRoomFor(fd.Number))
        {
            return Errno.ENOMEM;
        }
        OpenFile? old = _files[fd.Number].File;
        Place(fd.Number, file, closeOnExec);
        Drop(old);
        return Errno.None;
    }

    public Errno Close(Fd fd)
    {
        if ((uint)fd.Number >= (uint)_files.Length || _files[fd.Number].File is not { } file)
        {
            return Errno.EBADF;
        }
        _files[fd.Number].File = null;
        SetBit(_used, fd.Number, false);
        SetBit(_closeOnExec, fd.Number, false);
        Drop(file);
        return Errno.None;
    }

    public bool IsCloseOnExec(Fd fd) => (_closeOnExec[fd.Number / BitsPerWord] & (1UL << (fd.Number % BitsPerWord))) != 0;

    /// <summary>Sets FD_CLOEXEC of a descriptor that is open.</summary>
    public void SetCloseOnExec(Fd fd, bool value) => SetBit(_closeOnExec, fd.Number, value);

    /// <summary>Finds the first open descriptor from a number on.</summary>
    public bool TryFindNext(int from, out Fd fd)
    {
        for (int i = Math.Max(0, from); i < _files.Length; i++)
        {
            if (_files[i].File is not null)
            {
                fd = new Fd(i);
                return true;
            }
        }
        fd = new Fd(-1);
        return false;
    }

    /// <summary>Closes the descriptors with FD_CLOEXEC (execve(2)).</summary>
    public void CloseOnExec()
    {
        for (int word = 0; word < _closeOnExec.Length; word++)
        {
            while (_closeOnExec[word] != 0)
            {
                Close(new Fd((word * BitsPerWord) + BitOperations.TrailingZeroCount(_closeOnExec[word])));
            }
        }
    }

    /// <summary>The first of the record locks that its processes wait for.</summary>
    internal RecordLockWait? FirstLockWait { get; set; }

    /// <summary>How many threads use the table.</summary>
    public int UserCount { get; private set; } = 1;

    /// <summary>Lets one more thread use it.</summary>
    public void Share() => UserCount++;

    /// <summary>Ends a thread's use; the last one closes everything.</summary>
    public void Leave()
    {
        if (--UserCount > 0)
        {
            return;
        }

        for (int i = 0; i < _files.Length; i++)
        {
            if (_files[i].File is not null)
            {
                Close(new Fd(i));
            }
        }
    }

    /// <summary>Makes the table of a child process: the same open files.</summary>
    /// <returns>False when the kernel's heap has no room for it.</returns>
    public bool TryClone([NotNullWhen(true)] out FileTable? clone)
    {
        // No longer than what is open needs: a descriptor far up that was closed costs children nothing.
        int length = InitialLength;
        for (int word = _used.Length - 1; word > 0; word--)
        {
            if (_used[word] != 0)
            {
                length = (int)BitOperations.RoundUpToPowerOf2((uint)(word + 1) * BitsPerWord);
                break;
            }
        }

        length = Math.Min(length, _files.Length);
        clone = null;
        if (!KernelHeap.HasRoom()
            || !KernelHeap.TryAllocate(length, IntPtr.Size, out Slot[]? files)
            || !KernelHeap.TryAllocate(length / BitsPerWord, sizeof(ulong), out ulong[]? used)
            || !KernelHeap.TryAllocate(length / BitsPerWord, sizeof(ulong), out ulong[]? closeOnExec))
        {
            return false;
        }

        clone = new FileTable(files, used, closeOnExec) { Limit = Limit };
        Array.Copy(_files, files, files.Length);
        Array.Copy(_used, used, used.Length);
        Array.Copy(_closeOnExec, closeOnExec, closeOnExec.Length);
        foreach (Slot slot in files)
        {
            slot.File?.AddReference();
        }
        return true;
    }

    private static void SetBit(ulong[] bits, int number, bool value)
    {
        ulong mask = 1UL << (number % BitsPerWord);
        ref ulong word = ref bits[number / BitsPerWord];
        word = value ? word | mask : word & ~mask;
    }

    private int FindFree(int lowest)
    {
        int word = lowest / BitsPerWord;
        ulong ignored = (1UL << (lowest % BitsPerWord)) - 1;
        for (; word < _used.Length; word++)
        {
            ulong free = ~(_used[word] | ignored);
            if (free != 0)
            {
                return (word * BitsPerWord) + BitOperations.TrailingZeroCount(free);
            }
            ignored = 0;
        }
        return Math.Max(lowest, _files.Length);
    }

    private bool TryMakeRoomFor(int number)
    {
        if (number < _files.Length)
        {
            return true;
        }
        int length = (int)BitOperations.RoundUpToPowerOf2((uint)number + 1);
        ulong[] used = _used;
        ulong[] closeOnExec = _closeOnExec;
        if (!KernelHeap.TryResize(ref used, length / BitsPerWord, sizeof(ulong))
            || !KernelHeap.TryResize(ref closeOnExec, length / BitsPerWord, sizeof(ulong))
            || !KernelHeap.TryResize(ref _files, length, IntPtr.Size))
        {
            return false;
        }
        _used = used;
        _closeOnExec = closeOnExec;
        return true;
    }

    private void Place(int number, OpenFile file, bool closeOnExec)
    {
        _files[number].File = file;
        SetBit(_used, number, true);
        SetBit(_closeOnExec, number, closeOnExec);
    }

    private void Drop(OpenFile? file)
    {
        if (file is not null)
        {
            // Whichever descriptor of a file a process closes, its record locks on that file go (fcntl(2)).
            file.Inode.Locks?.Records.Unlock(this, 0, long.MaxValue);
            file.OnDescriptorClosed();
            file.Release();
        }
    }
}

using Semitone.Abi;

namespace Semitone.Tasks;

/// <summary>All objects of System V IPC, with their limits, which are Linux's (sysvipc(7), proc(5)).</summary>
public sealed class IpcSystem
{
    /// <summary>Bytes that a segment may have (kernel.shmmax), and pages that all of them may have (kernel.shmall).</summary>
    public const ulong MaxSegmentSize = ulong.MaxValue - (1 << 24);

    public const int MaxSegments = 4096;

    /// <summary>Semaphores in an array, in all of them, operations in a call, arrays (kernel.sem).</summary>
    public const int MaxSemaphoresPerArray = 32000;

    public const int MaxSemaphores = MaxArrays * MaxSemaphoresPerArray;
    public const int MaxOperations = 500;
    public const int MaxArrays = 32000;

    /// <summary>The greatest value of a semaphore, and of what is to be undone.</summary>
    public const int MaxSemaphoreValue = 32767;

    /// <summary>Bytes of a message (kernel.msgmax), and those of a queue unless it is told otherwise (kernel.msgmnb).</summary>
    public const int MaxMessageSize = 8192;

    public const int DefaultQueueSize = 16384;
    public const int MaxQueues = 32000;

    public IpcTable<SharedSegment> Segments { get; } = new(MaxSegments);

    public IpcTable<SemaphoreArray> Arrays { get; } = new(MaxArrays);

    public IpcTable<MessageQueue> Queues { get; } = new(MaxQueues);

    /// <summary>Pages that all segments may have together.</summary>
    public long SegmentPageCount { get; private set; }

    /// <summary>Semaphores in all arrays.</summary>
    public int SemaphoreCount { get; private set; }

    /// <summary>Gets a segment by its key, or makes one (shmget(2)).</summary>
    public SysResult GetSegment(GuestThread caller, int key, ulong size, IpcFlags flags)
    {
        Errno error = Find(Segments, key, flags, out SharedSegment? segment);
        if (error != Errno.None)
        {
            return error;
        }

        if (segment is not null)
        {
            return segment.Size < size ? Errno.EINVAL : Answer(segment, caller, flags);
        }

        // No pages but the usual ones.
        if (size is 0 or > MaxSegmentSize || (flags & IpcFlags.SHM_HUGETLB) != 0)
        {
            return Errno.EINVAL;
        }

        // What could never be had is refused at once, as mmap(2) does.
        if (size >> Paging.PageShift > (ulong)caller.Process.System.Frames.TotalCount)
        {
            return Errno.ENOMEM;
        }

        error = Segments.Reserve();
        if (error != Errno.None)
        {
            return error;
        }

        SharedSegment made = new(key, size, (uint)flags, caller);
        Segments.Add(made);
        SegmentPageCount += made.PageCount;
        return made.Id;
    }

    /// <summary>Gets an array of semaphores by its key, or makes one (semget(2)).</summary>
    public SysResult GetArray(GuestThread caller, int key, int count, IpcFlags flags)
    {
        if (count is < 0 or > MaxSemaphoresPerArray)
        {
            return Errno.EINVAL;
        }

        Errno error = Find(Arrays, key, flags, out SemaphoreArray? array);
        if (error != Errno.None)
        {
            return error;
        }

        if (array is not null)
        {
            return array.Count < count ? Errno.EINVAL : Answer(array, caller, flags);
        }

        if (count == 0)
        {
            return Errno.EINVAL;
        }

        if (SemaphoreCount + count > MaxSemaphores)
        {
            return Errno.ENOSPC;
        }

        error = Arrays.Reserve();
        if (error == Errno.None)
        {
            error = SemaphoreArray.Create(key, count, (uint)flags, caller, out array);
        }

        if (error != Errno.None)
        {
            return error;
        }

        Arrays.Add(array!);
        SemaphoreCount += count;
        return array!.Id;
    }

    /// <summary>Gets a message queue by its key, or makes one (msgget(2)).</summary>
    public SysResult GetQueue(GuestThread caller, int key, IpcFlags flags)
    {
        Errno error = Find(Queues, key, flags, out MessageQueue? queue);
        if (error != Errno.None || queue is not null)
        {
            return error != Errno.None ? error : Answer(queue!, caller, flags);
        }

        error = Queues.Reserve();
        if (error != Errno.None)
        {
            return error;
        }

        MessageQueue made = new(key, (uint)flags, caller);
        Queues.Add(made);
        return made.Id;
    }

    /// <summary>Removes an array (IPC_RMID): who waits is told.</summary>
    public void Remove(SemaphoreArray array) => Arrays.Remove(array);

    /// <summary>Removes a queue (IPC_RMID): who waits is told.</summary>
    public void Remove(MessageQueue queue) => Queues.Remove(queue);

    internal void OnSegmentRemoved(SharedSegment segment) => SegmentPageCount -= segment.PageCount;

    internal void OnArrayRemoved(SemaphoreArray array) => SemaphoreCount -= array.Count;

    private static SysResult Answer(IpcObject found, GuestThread caller, IpcFlags flags)
    {
        Errno error = found.Check(caller.Credentials, (uint)flags & IpcObject.PermissionMask);
        return error != Errno.None ? error : found.Id;
    }

    /// <summary>Looks for an object by its key.</summary>
    /// <param name="found">The object; null when a new one is to be made.</param>
    /// <returns>None, ENOENT or EEXIST.</returns>
    private static Errno Find<T>(IpcTable<T> table, int key, IpcFlags flags, out T? found)
        where T : IpcObject
    {
        const IpcFlags Exclusive = IpcFlags.IPC_CREAT | IpcFlags.IPC_EXCL;
        found = null;
        if (key == IpcKey.IPC_PRIVATE)
        {
            return Errno.None;
        }

        if (!table.TryFind(key, out found))
        {
            return (flags & IpcFlags.IPC_CREAT) == 0 ? Errno.ENOENT : Errno.None;
        }

        return (flags & Exclusive) == Exclusive ? Errno.EEXIST : Errno.None;
    }
}

using Semitone.Abi;
using Semitone.Memory;

namespace Semitone.Tasks;

/// <summary>
/// A segment of shared memory (shmget(2)): pages without a file, which stay until they are removed and nobody has them mapped.
/// </summary>
public sealed class SharedSegment : IpcObject, IMappingListener, IMappedFile
{
    private readonly SystemState _system;
    private readonly PageCache _pages;

    /// <param name="size">Bytes, more than 0.</param>
    internal SharedSegment(int key, ulong size, uint mode, GuestThread maker)
        : base(key, mode, maker)
    {
        _system = maker.Process.System;
        _pages = new PageCache(maker.Process.System.Frames) { File = this, MappingListener = this };
        _pages.Truncate((long)Paging.RoundUp(size));
        Size = size;
        CreatorPid = maker.Process.Pid;
        Path = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"/SYSV{(uint)key:x8} (deleted)");
    }

    /// <summary>Bytes, as they were asked for.</summary>
    public ulong Size { get; }

    /// <summary>Its pages.</summary>
    public MemoryObject Pages => _pages;

    /// <summary>Pages that it has.</summary>
    public long ResidentPageCount => _pages.PageCount;

    /// <summary>Pages that it may have.</summary>
    public long PageCount => (long)(Paging.RoundUp(Size) >> Paging.PageShift);

    public int CreatorPid { get; }

    /// <summary>Who attached or detached it last.</summary>
    public int LastPid { get; private set; }

    /// <summary>Times that it is mapped.</summary>
    public int AttachCount { get; private set; }

    public long AttachedSeconds { get; private set; }

    public long DetachedSeconds { get; private set; }

    /// <summary>Whether it goes with its last attachment.</summary>
    public bool IsDoomed { get; private set; }

    /// <summary>Whether it is not to be swapped out: nothing ever is.</summary>
    public bool IsLocked { get; set; }

    /// <inheritdoc/>
    public string Path { get; }

    /// <inheritdoc/>
    public ulong InodeNumber => (ulong)Id;

    /// <inheritdoc/>
    protected override SegmentMode ExtraMode =>
        (IsDoomed ? SegmentMode.SHM_DEST : SegmentMode.None) | (IsLocked ? SegmentMode.SHM_LOCKED : SegmentMode.None);

    /// <summary>Removes it, or sees to it that it goes with its last attachment (IPC_RMID).</summary>
    public void Doom()
    {
        if (AttachCount == 0)
        {
            _system.Ipc.Segments.Remove(this);
            return;
        }

        IsDoomed = true;
        Key = IpcKey.IPC_PRIVATE;
    }

    /// <inheritdoc/>
    public void OnMapped()
    {
        AttachCount++;
        AttachedSeconds = GetSeconds(_system);
        LastPid = CallerPid ?? LastPid;
    }

    /// <inheritdoc/>
    public void OnUnmapped()
    {
        AttachCount--;
        DetachedSeconds = GetSeconds(_system);
        LastPid = CallerPid ?? LastPid;
        if (IsDoomed && AttachCount == 0)
        {
            _system.Ipc.Segments.Remove(this);
        }
    }

    /// <inheritdoc/>
    internal override void OnRemoved()
    {
        _system.Ipc.OnSegmentRemoved(this);
        _pages.Release();
    }

    private int? CallerPid => _system.CallingThread?.Process.Pid;
}

using Semitone.Abi;
using Semitone.Core;
using Semitone.Memory;
using Semitone.NineP;

namespace Semitone.Files;

/// <summary>A regular file that a server keeps.</summary>
/// <remarks>
/// Open files share fids: one for each way to open (<see cref="OpenFlags.O_ACCMODE"/>), as every transfer says where it begins. They are
/// clunked with the last close. What is written goes out at once, in all cache modes, and the call waits for it.
/// </remarks>
internal sealed partial class RemoteFile : RegularFileInode, IRemoteInode
{
    private readonly NinePFileSystem _fileSystem;
    private readonly RemotePages _pages;
    private readonly Fid?[] _handles = new Fid?[3];
    private long _openAskStamp;
    private Errno _openError;
    private long _openErrorStamp;
    private bool _wasJustOpened;
    private bool _isTruncating;
    private RemoteDirectory? _hiddenIn;
    private byte[] _hiddenName = [];

    public RemoteFile(NinePFileSystem fileSystem, ulong number, Mode mode)
        : base(fileSystem, number, mode)
    {
        _fileSystem = fileSystem;
        Node = new RemoteNode(fileSystem, this);
        _pages = new RemotePages(fileSystem, this) { File = this };
    }

    public RemoteNode Node { get; }

    public override WaitQueue? Fetches => Node.Fetches;

    public override MemoryObject Pages => _pages;

    public override long Size => _pages.Length;

    public override long Blocks => Node.Blocks;

    public override int PreferredBlockSize => Math.Max(Paging.PageSize, _fileSystem.Client.MaximumTransfer);

    /// <summary>Whether the inode has a use that the server's word cannot replace.</summary>
    public bool IsInUse => IsOpen || _pages.IsMapped || IsExecuting || Locks is { IsEmpty: false } || _pages.IsBusy;

    /// <summary>Whether a description is open now, or being opened.</summary>
    public int OpenCount { get; set; }

    public override Errno Refresh() => Node.CheckAttributes();

    public override ChangeResult Update(in AttributeChange change) => Node.Update(change);

    public override void OnFetchAbandoned() => Node.Abandon();

    public override Errno GetAttribute(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value) =>
        Node.ExtendedAttributes.Get(name, out value);

    public override Errno RefreshAttributeNames() => Node.ExtendedAttributes.Get(default, out _);

    public override bool TryGetAttributeName(int index, out ReadOnlySpan<byte> name) => Node.ExtendedAttributes.TryGetName(index, out name);

    public override ChangeResult SetAttribute(ReadOnlySpan<byte> name, byte[] value, XattrFlags flags) =>
        Node.ExtendedAttributes.Set(name, value, flags);

    public override ChangeResult RemoveAttribute(ReadOnlySpan<byte> name) => Node.ExtendedAttributes.Set(name, [], XattrFlags.None);

    public override Errno Open(OpenFlags flags, out OpenFile? file)
    {
        file = null;
        OpenFlags access = flags & OpenFlags.O_ACCMODE;
        if (access == OpenFlags.O_ACCMODE)
        {
            return Errno.EINVAL;
        }

        if (IsExecuting && (access != OpenFlags.O_RDONLY || (flags & OpenFlags.O_TRUNC) != 0))
        {
            return Errno.ETXTBSY;
        }

        // What was just made is open already, and nobody has changed it.
        Errno error = GetHandle(access) is not null && _wasJustOpened ? Errno.None : Node.CheckAttributes(forOpen: true);
        if (error == Errno.None && GetHandle(access) is null)
        {
            error = AskToOpen(access);
        }

        if (error != Errno.None)
        {
            return error;
        }

        _isTruncating = (flags & OpenFlags.O_TRUNC) != 0 && !_wasJustOpened;
        _wasJustOpened = false;
        OpenRemoteFile opened = new(this, flags);
        CountWriter(opened);
        OpenCount++;
        file = opened;
        return Errno.None;
    }

    public void TakeOver(in RemoteAttributes attributes, bool isForeign) => _pages.TakeOver((long)attributes.Size, isForeign);

    public override Errno Read(long offset, ref IoCursor destination) => _pages.Read(offset, ref destination);

    public override ChangeResult SetSize(long size)
    {
        if (size > Size && FileSystem.Services.Caller is { } caller && size > caller.FileSizeLimit)
        {
            caller.OnFileTooLarge();
            return Errno.EFBIG;
        }

        if (!KernelHeap.HasRoom())
        {
            return Errno.ENOMEM;
        }

        // open(2) with O_TRUNC goes on with this file when it is over.
        OpenCount++;
        bool isForOpen = _isTruncating;
        _isTruncating = false;
        return RemoteChange.Begin(Node.Changes, null, async change =>
        {
            Errno error = await Node.SetAttributesAsync(new AttributeUpdate { Fields = AttributeFields.Size, Size = (ulong)size });
            if (error == Errno.None)
            {
                _pages.SetLength(size);
                change.Make(this);
                _wasJustOpened |= isForOpen;
            }

            OpenCount--;
            return error;
        });
    }

    /// <summary>Has the server bring what was written to its device.</summary>
    public ChangeResult Synchronize()
    {
        if (!KernelHeap.HasRoom())
        {
            return Errno.ENOMEM;
        }

        return RemoteChange.Begin(Node.Changes, null, async _ =>
        {
            if ((GetHandle(OpenFlags.O_WRONLY) ?? GetAnyHandle()) is not { } fid)
            {
                return Errno.None;
            }

            fid.AddReference();
            Errno error = await _fileSystem.Client.SynchronizeAsync(fid, dataOnly: false);
            fid.Release();
            return error;
        });
    }

    /// <summary>Gets the fid that is open for a kind of access.</summary>
    public Fid? GetHandle(OpenFlags access) => _handles[(int)access] ?? _handles[(int)OpenFlags.O_RDWR];

    public Fid? GetAnyHandle() => _handles[2] ?? _handles[0] ?? _handles[1];

    /// <summary>Takes a fid that is open, of a file that was just made: open(2) goes on with it.</summary>
    public void TakeNew(Fid fid)
    {
        KeepHandle(OpenFlags.O_RDWR, fid);
        _wasJustOpened = true;
    }

    private void KeepHandle(OpenFlags access, Fid fid)
    {
        _handles[(int)access]?.Release();
        _handles[(int)access] = fid;
    }

    /// <summary>A description is closed: the last one lets go of the fids.</summary>
    public void OnClosed()
    {
        OpenCount--;
        if (OpenCount == 0)
        {
            DropHandles();
        }
    }

    /// <summary>The file has a name that the guest does not see, until its last close.</summary>
    public void Hide(RemoteDirectory directory, byte[] name)
    {
        _hiddenIn = directory;
        _hiddenName = name;
        Node.HiddenLinks = 1;
        Node.Name = name;
        Parent = directory;
    }

    /// <summary>Lets go of fids and pages.</summary>
    public void DropEverything()
    {
        DropHandles();
        _pages.DropAll();
    }

    /// <summary>Has the file opened by the server, for somebody who runs or maps it without having opened it.</summary>
    public async ValueTask<Outcome<Fid>> GetReadingFidAsync()
    {
        if (GetHandle(OpenFlags.O_RDONLY) is not { } fid)
        {
            Errno error = await OpenAsync(OpenFlags.O_RDONLY);
            if (error != Errno.None)
            {
                return error;
            }

            fid = GetHandle(OpenFlags.O_RDONLY)!;
        }

        fid.AddReference();
        return fid;
    }

    protected override void Evict()
    {
        if (_hiddenIn is { } directory)
        {
            _hiddenIn = null;
            directory.RemoveHidden(_hiddenName);
        }

        _fileSystem.Forget(this);
    }

    private void DropHandles()
    {
        for (int i = 0; i < _handles.Length; i++)
        {
            _handles[i]?.Release();
            _handles[i] = null;
        }
    }

    private Errno AskToOpen(OpenFlags access)
    {
        FetchClock clock = _fileSystem.Clock;
        if (clock.IsFresh(_openErrorStamp))
        {
            return _openError;
        }

        if (!KernelHeap.HasRoom(RemoteNode.QuestionBytes))
        {
            return Errno.ENOMEM;
        }

        clock.Begin();
        if (_openAskStamp == 0)
        {
            _openAskStamp = clock.Ask();
            _fileSystem.Start(() => OpenForCallersAsync(access, _openAskStamp));
        }

        return InternalErrno.MustWait;
    }

    private async ValueTask OpenForCallersAsync(OpenFlags access, long stamp)
    {
        Errno error = await OpenAsync(access);
        _openAskStamp = 0;
        if (error == Errno.ESTALE && Node.NameCount > 0)
        {
            // The name leads to another file by now: whoever waits walks again, and finds that.
            Node.ExpireName();
        }
        else if (error is not (Errno.None or Errno.EINTR))
        {
            _openError = error;
            _openErrorStamp = stamp;
        }

        Node.Fetches.WakeAll();
    }

    private async ValueTask<Errno> OpenAsync(OpenFlags access)
    {
        Errno error = await OpenOnceAsync(access);
        if (error is Errno.ENOENT or Errno.ESTALE)
        {
            // The fid may lead nowhere where the name still leads here.
            Node.DropFid();
            error = await OpenOnceAsync(access);
            error = error == Errno.ENOENT ? Errno.ESTALE : error;
        }

        return error;
    }

    private async ValueTask<Errno> OpenOnceAsync(OpenFlags access)
    {
        Outcome<Fid> from = await Node.GetFidAsync();
        if (from.Error != Errno.None)
        {
            return from.Error;
        }

        Fid? fid = _fileSystem.Connection.MakeFid();
        Errno error = fid is null ? Errno.ENOMEM : await _fileSystem.Client.WalkAsync(from.Value, fid, default, Node);
        from.Value.Release();
        if (error == Errno.None)
        {
            error = await _fileSystem.Client.OpenAsync(fid!, access, Node);
        }

        if (error == Errno.None && fid!.Qid.Path != Number)
        {
            error = Errno.ESTALE;
        }

        if (error == Errno.None)
        {
            KeepHandle(access, fid!);
        }
        else
        {
            fid?.Release();
        }

        return error;
    }
}

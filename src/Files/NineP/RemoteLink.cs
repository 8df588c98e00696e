using Semitone.Abi;
using Semitone.Core;
using Semitone.NineP;

namespace Semitone.Files;

/// <summary>A symbolic link that a server keeps. Where it leads is asked as often as its attributes are.</summary>
internal sealed class RemoteLink : SymbolicLinkInode, IRemoteInode
{
    private byte[] _target = [];
    private long _stamp;
    private long _timeNs;
    private long _askStamp;
    private Errno _error;
    private long _errorStamp;

    public RemoteLink(NinePFileSystem fileSystem, ulong number)
        : base(fileSystem, number)
    {
        Node = new RemoteNode(fileSystem, this);
    }

    public RemoteNode Node { get; }

    public override WaitQueue? Fetches => Node.Fetches;

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

    public override long Size => Node.Size;

    public override long Blocks => Node.Blocks;

    public override Errno GetTarget(out ReadOnlySpan<byte> target)
    {
        target = _target;
        if (Node.FileSystem.IsValid(_stamp, _timeNs))
        {
            return Errno.None;
        }

        FetchClock clock = Node.FileSystem.Clock;
        if (clock.IsFresh(_errorStamp))
        {
            return _error;
        }

        if (!KernelHeap.HasRoom(RemoteNode.QuestionBytes))
        {
            return Errno.ENOMEM;
        }

        clock.Begin();
        if (_askStamp == 0)
        {
            _askStamp = clock.Ask();
            Node.FileSystem.Start(() => FetchAsync(_askStamp));
        }

        return InternalErrno.MustWait;
    }

    public void TakeOver(in RemoteAttributes attributes, bool isForeign)
    {
    }

    private async ValueTask FetchAsync(long stamp)
    {
        Outcome<Fid> fid = await Node.GetFidAsync();
        Outcome<byte[]> target = fid.Error;
        if (fid.Error == Errno.None)
        {
            target = KernelHeap.HasRoom(FileLimits.PATH_MAX) ? await Node.FileSystem.Client.ReadLinkAsync(fid.Value, Node) : Errno.ENOMEM;
            fid.Value.Release();
        }

        _askStamp = 0;
        if (target.Error == Errno.None)
        {
            _target = target.Value;
            _stamp = stamp;
            _timeNs = FileSystem.Services.Clock.MonotonicNs;
        }
        else if (target.Error != Errno.EINTR)
        {
            _error = target.Error;
            _errorStamp = stamp;
        }

        Node.Fetches.WakeAll();
    }
}

using Semitone.Abi;
using Semitone.Core;
using Semitone.NineP;

namespace Semitone.Files;

/// <summary>A fifo whose name a server keeps; what goes through it stays in this kernel, as under Linux.</summary>
internal sealed class RemoteFifo : FifoInode, IRemoteInode
{
    public RemoteFifo(NinePFileSystem fileSystem, ulong number, Mode mode)
        : base(fileSystem, number, mode)
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

    public void TakeOver(in RemoteAttributes attributes, bool isForeign)
    {
    }
}

/// <summary>The node of a device or a socket whose name a server keeps: what it stands for is this kernel's.</summary>
internal sealed class RemoteDevice : DeviceInode, IRemoteInode
{
    public RemoteDevice(NinePFileSystem fileSystem, ulong number, Mode mode, DeviceNumber device)
        : base(fileSystem, number, mode, device)
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

    public void TakeOver(in RemoteAttributes attributes, bool isForeign)
    {
    }
}

using Semitone.Abi;
using Semitone.Core;
using Semitone.NineP;

namespace Semitone.Files;

/// <summary>The extended attributes of a server's file: asked for each time, and never kept longer than the call that asks.</summary>
internal sealed class RemoteExtendedAttributes(RemoteNode node)
{
    private byte[] _name = [];
    private byte[] _value = [];
    private Errno _error;
    private long _stamp;
    private bool _isAsking;

    private Client Client => node.FileSystem.Client;

    /// <summary>Gets a value, or, for an empty name, all names, each with a NUL behind it.</summary>
    /// <returns>None, ENODATA, <see cref="InternalErrno.MustWait"/>, or what the server says.</returns>
    public Errno Get(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        FetchClock clock = node.FileSystem.Clock;
        if (clock.IsFresh(_stamp) && name.SequenceEqual(_name))
        {
            value = _value;
            return _error;
        }

        value = default;
        if (!KernelHeap.HasRoom(XattrLimits.XATTR_SIZE_MAX))
        {
            return Errno.ENOMEM;
        }

        clock.Begin();
        if (!_isAsking)
        {
            _isAsking = true;
            byte[] copy = name.ToArray();
            long stamp = clock.Ask();
            node.FileSystem.Start(() => FetchAsync(copy, stamp));
        }

        return InternalErrno.MustWait;
    }

    /// <summary>Steps through the names that <see cref="Get"/> has got.</summary>
    public bool TryGetName(int index, out ReadOnlySpan<byte> name)
    {
        ReadOnlySpan<byte> rest = _name.Length == 0 ? _value : default;
        name = default;
        for (int i = 0; i <= index; i++)
        {
            int end = rest.IndexOf((byte)0);
            if (end <= 0)
            {
                return false;
            }

            name = rest[..end];
            rest = rest[(end + 1)..];
        }

        return true;
    }

    /// <summary>Sets a value; an empty one takes the attribute away, as the protocol has no other way to say that.</summary>
    public ChangeResult Set(ReadOnlySpan<byte> name, byte[] value, XattrFlags flags)
    {
        byte[] copy = name.ToArray();
        return KernelHeap.HasRoom()
            ? RemoteChange.Begin(node.Changes, null, _ => SetAsync(copy, value, flags))
            : Errno.ENOMEM;
    }

    private async ValueTask FetchAsync(byte[] name, long stamp)
    {
        Outcome<byte[]> value = await ReadAsync(name);
        _name = name;
        _value = value.Error == Errno.None ? value.Value : [];
        _error = value.Error;
        _stamp = value.Error == Errno.EINTR ? 0 : stamp;
        _isAsking = false;
        node.Fetches.WakeAll();
    }

    private async ValueTask<Outcome<byte[]>> ReadAsync(byte[] name)
    {
        Outcome<Fid> file = await node.GetFidAsync();
        if (file.Error != Errno.None)
        {
            return file.Error;
        }

        Fid? fid = Client.Connection.MakeFid();
        Outcome<long> size = fid is null ? Errno.ENOMEM : await Client.WalkToAttributeAsync(file.Value, fid, name, node);
        file.Value.Release();
        Errno error = size.Error;
        if (error == Errno.None && size.Value > XattrLimits.XATTR_SIZE_MAX)
        {
            error = Errno.E2BIG;
        }

        byte[] value = error == Errno.None ? new byte[size.Value] : [];
        for (int read = 0; error == Errno.None && read < value.Length;)
        {
            Segment[] room = [new Segment(value, read, Math.Min(value.Length - read, Client.MaximumTransfer))];
            Outcome<int> moved = await Client.ReadAsync(fid!, read, room, 0, 1, 0, node);
            error = moved.Error == Errno.None && moved.Value == 0 ? Errno.EIO : moved.Error;
            read += error == Errno.None ? moved.Value : 0;
        }

        fid?.Release();
        return error == Errno.None ? value : error;
    }

    private async ValueTask<Errno> SetAsync(byte[] name, byte[] value, XattrFlags flags)
    {
        Outcome<Fid> file = await node.GetFidAsync();
        if (file.Error != Errno.None)
        {
            return file.Error;
        }

        // The fid becomes the attribute's: a copy must do.
        Fid? fid = Client.Connection.MakeFid();
        Errno error = fid is null ? Errno.ENOMEM : await Client.WalkAsync(file.Value, fid, default);
        file.Value.Release();
        if (error == Errno.None)
        {
            error = await Client.CreateAttributeAsync(fid!, name, value.Length, flags);
        }

        for (int written = 0; error == Errno.None && written < value.Length;)
        {
            Segment[] data = [new Segment(value, written, Math.Min(value.Length - written, Client.MaximumTransfer))];
            Outcome<int> moved = await Client.WriteAsync(fid!, written, data, 0, 1, 0);
            error = moved.Error == Errno.None && moved.Value == 0 ? Errno.EIO : moved.Error;
            written += error == Errno.None ? moved.Value : 0;
        }

        if (error == Errno.None)
        {
            // Only now is it set, or not.
            error = await Client.ClunkAsync(fid!);
        }

        fid?.Release();
        if (error == Errno.None)
        {
            _stamp = 0;
            node.Invalidate();
        }

        return error;
    }
}

using Semitone.Abi;

namespace Semitone.NineP;

/// <summary>The operations of 9P2000.L, each a request and its answer: what is done to one file.</summary>
/// <remarks>
/// Each answers None or what the server refused it with; EIO when there is no server any more; ENOMEM; EINTR when it has been flushed. An
/// answer that cannot be ends the connection.
/// </remarks>
public sealed partial class Client(Connection connection)
{
    private static ReadOnlyMemory<byte> ProtocolVersion { get; } = "9P2000.L"u8.ToArray();

    public Connection Connection => connection;

    /// <summary>The most data that one Tread or Twrite moves, in bytes: whole pages, where a message holds one.</summary>
    public int MaximumTransfer { get; private set; }

    /// <summary>Agrees on the protocol and on the longest message (version).</summary>
    /// <param name="messageSize">What is asked for; the server may make it less.</param>
    /// <returns>None; EPROTONOSUPPORT for a server that speaks something else; EMSGSIZE.</returns>
    public async ValueTask<Errno> NegotiateAsync(int messageSize)
    {
        const int Least = 4096;
        int wanted = Math.Min(messageSize, connection.MessageSize);
        Request request = await connection.RentAsync();
        try
        {
            Errno error = await request.SendAsync(Requests.Version(request.Output, (uint)wanted, ProtocolVersion.Span));
            if (error != Errno.None)
            {
                return error;
            }

            if (!Replies.TryReadVersion(request.Body, out uint size, out ReadOnlySpan<byte> version) || size > (uint)wanted)
            {
                return Distrust();
            }

            if (!version.SequenceEqual(ProtocolVersion.Span))
            {
                return Errno.EPROTONOSUPPORT;
            }

            if (size < Least)
            {
                return Errno.EMSGSIZE;
            }

            connection.MessageSize = (int)size;
            int data = (int)size - Requests.WriteHeaderSize;
            int pages = Math.Min(data / Paging.PageSize, connection.MaximumSegments - 2);
            MaximumTransfer = pages > 0 ? pages * Paging.PageSize : data;
            return Errno.None;
        }
        finally
        {
            request.Return();
        }
    }

    /// <summary>Makes a fid stand for the root of a tree (attach).</summary>
    public async ValueTask<Errno> AttachAsync(Fid fid, ReadOnlyMemory<byte> userName, ReadOnlyMemory<byte> tree, uint userId)
    {
        Request request = await connection.RentAsync();
        try
        {
            Errno error = await request.SendAsync(
                Requests.Attach(request.Output, request.Tag, fid.Number, userName.Span, tree.Span, userId));
            return error == Errno.None ? Establish(fid, request.Body) : error;
        }
        finally
        {
            request.Return();
        }
    }

    /// <summary>Walks along names (walk).</summary>
    /// <param name="names">At most 16, with slashes between them; empty for a second fid of the same file.</param>
    /// <param name="to">Stands for the end, if all names are there.</param>
    /// <returns>None; ENOENT or whatever else for the first name; EAGAIN when a later one stopped the walk, nobody knows why.</returns>
    public async ValueTask<Errno> WalkAsync(Fid from, Fid to, ReadOnlyMemory<byte> names, object? owner = null)
    {
        int count = names.IsEmpty ? 0 : names.Span.Count((byte)'/') + 1;
        Request request = await connection.RentAsync(owner);
        try
        {
            Errno error = await request.SendAsync(
                Requests.Walk(request.Output, request.Tag, from.Number, to.Number, names.Span, count));
            if (error != Errno.None)
            {
                return error;
            }

            Span<Qid> qids = stackalloc Qid[Requests.MaximumNames];
            if (!Replies.TryReadWalk(request.Body, count, qids, out int walked))
            {
                return Distrust();
            }

            if (walked < count)
            {
                return Errno.EAGAIN;
            }

            to.Establish(count == 0 ? from.Qid : qids[count - 1]);
            return Errno.None;
        }
        finally
        {
            request.Return();
        }
    }

    /// <summary>Gets the attributes of a file (getattr).</summary>
    public async ValueTask<Outcome<RemoteAttributes>> GetAttributesAsync(Fid fid, object? owner = null)
    {
        Request request = await connection.RentAsync(owner);
        try
        {
            Errno error = await request.SendAsync(
                Requests.GetAttributes(request.Output, request.Tag, fid.Number, RemoteAttributes.BasicMask));
            if (error != Errno.None)
            {
                return error;
            }

            return Replies.TryReadAttributes(request.Body, out RemoteAttributes attributes) ? attributes : Distrust();
        }
        finally
        {
            request.Return();
        }
    }

    /// <summary>Changes attributes (setattr).</summary>
    public async ValueTask<Errno> SetAttributesAsync(Fid fid, AttributeUpdate update)
    {
        Request request = await connection.RentAsync();
        try
        {
            return await request.SendAsync(Requests.SetAttributes(request.Output, request.Tag, fid.Number, update));
        }
        finally
        {
            request.Return();
        }
    }

    /// <summary>Reads where a symbolic link leads (readlink).</summary>
    public async ValueTask<Outcome<byte[]>> ReadLinkAsync(Fid fid, object? owner = null)
    {
        Request request = await connection.RentAsync(owner);
        try
        {
            request.OfferBuffer(new byte[FileLimits.PATH_MAX + 16], FileLimits.PATH_MAX + 16);
            Errno error = await request.SendAsync(Requests.OfFid(request.Output, MessageType.Treadlink, request.Tag, fid.Number));
            if (error != Errno.None)
            {
                return error;
            }

            return Replies.TryReadTarget(request.Body, out ReadOnlySpan<byte> target) ? target.ToArray() : Distrust();
        }
        finally
        {
            request.Return();
        }
    }

    /// <summary>Tells about the file system (statfs).</summary>
    public async ValueTask<Outcome<FileSystemStatistics>> GetStatisticsAsync(Fid fid)
    {
        Request request = await connection.RentAsync();
        try
        {
            Errno error = await request.SendAsync(Requests.OfFid(request.Output, MessageType.Tstatfs, request.Tag, fid.Number));
            if (error != Errno.None)
            {
                return error;
            }

            return Replies.TryReadStatistics(request.Body, out FileSystemStatistics statistics) ? statistics : Distrust();
        }
        finally
        {
            request.Return();
        }
    }

    /// <summary>Removes the file that a fid stands for (remove). The fid is gone afterwards, whatever came of it.</summary>
    public async ValueTask<Errno> RemoveAsync(Fid fid)
    {
        Request request = await connection.RentAsync();
        try
        {
            Errno error = await request.SendAsync(Requests.OfFid(request.Output, MessageType.Tremove, request.Tag, fid.Number));
            fid.Forget();
            return error;
        }
        finally
        {
            request.Return();
        }
    }

    /// <summary>Gives a fid up and hears what became of that (clunk): an extended attribute is set only then.</summary>
    public async ValueTask<Errno> ClunkAsync(Fid fid)
    {
        Request request = await connection.RentAsync();
        try
        {
            Errno error = await request.SendAsync(Requests.OfFid(request.Output, MessageType.Tclunk, request.Tag, fid.Number));
            fid.Forget();
            return error;
        }
        finally
        {
            request.Return();
        }
    }

    /// <summary>Takes the server for broken: it has answered what cannot be.</summary>
    private Errno Distrust()
    {
        connection.Fail();
        return Errno.EIO;
    }

    private Errno Establish(Fid fid, ReadOnlySpan<byte> body)
    {
        if (!Replies.TryReadQid(body, out Qid qid))
        {
            return Distrust();
        }

        fid.Establish(qid);
        return Errno.None;
    }
}

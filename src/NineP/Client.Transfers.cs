using Semitone.Abi;

namespace Semitone.NineP;

/// <content>Open files: data, entries of directories, extended attributes, locks.</content>
public sealed partial class Client
{
    /// <summary>Opens a file (lopen).</summary>
    /// <param name="fid">Stands for the file, and for the open file afterwards: it can be walked from no longer.</param>
    public async ValueTask<Errno> OpenAsync(Fid fid, OpenFlags flags, object? owner = null)
    {
        Request request = await connection.RentAsync(owner);
        try
        {
            Errno error = await request.SendAsync(Requests.Open(request.Output, request.Tag, fid.Number, (uint)flags));
            return error == Errno.None ? EstablishOpen(fid, request.Body) : error;
        }
        finally
        {
            request.Return();
        }
    }

    /// <summary>Reads into pieces of memory (read). Less than they hold is the end of the file, or the server's whim.</summary>
    /// <param name="segments">Where to; at most <see cref="MaximumTransfer"/> bytes.</param>
    /// <param name="first">Index of the first.</param>
    /// <param name="count">How many of them.</param>
    /// <param name="skip">Bytes of the first that are there already.</param>
    public async ValueTask<Outcome<int>> ReadAsync(
        Fid fid, long offset, Segment[] segments, int first, int count, int skip, object? owner = null)
    {
        Request request = await connection.RentAsync(owner);
        try
        {
            int length = 0;
            request.OfferHead(Requests.ReadHeaderSize);
            for (int i = first; i < first + count; i++)
            {
                Segment segment = i == first
                    ? segments[i] with { Offset = segments[i].Offset + skip, Length = segments[i].Length - skip }
                    : segments[i];
                request.OfferData(segment);
                length += segment.Length;
            }

            Errno error = await request.SendAsync(
                Requests.Read(request.Output, MessageType.Tread, request.Tag, fid.Number, (ulong)offset, (uint)length));
            if (error != Errno.None)
            {
                return error;
            }

            // What is counted must have come.
            return Replies.TryReadCount(request.Body, Math.Min(length, request.DataLength), out int moved) ? moved : Distrust();
        }
        finally
        {
            request.Return();
        }
    }

    /// <summary>Writes pieces of memory (write).</summary>
    /// <returns>Bytes written: less than there are is the server's whim, or its lack of space.</returns>
    public async ValueTask<Outcome<int>> WriteAsync(Fid fid, long offset, Segment[] segments, int first, int count, int skip)
    {
        Request request = await connection.RentAsync();
        try
        {
            int length = 0;
            for (int i = first; i < first + count; i++)
            {
                Segment segment = i == first
                    ? segments[i] with { Offset = segments[i].Offset + skip, Length = segments[i].Length - skip }
                    : segments[i];
                request.AddData(segment);
                length += segment.Length;
            }

            Errno error = await request.SendAsync(
                Requests.Write(request.Output, request.Tag, fid.Number, (ulong)offset, length));
            if (error != Errno.None)
            {
                return error;
            }

            return Replies.TryReadCount(request.Body, length, out int moved) ? moved : Distrust();
        }
        finally
        {
            request.Return();
        }
    }

    /// <summary>Reads entries of an open directory (readdir).</summary>
    /// <param name="offset">0, or what came with the entry before.</param>
    /// <param name="buffer">Room for the answer; the entries begin at <see cref="Requests.ReadHeaderSize"/>.</param>
    /// <returns>Bytes of entries; 0 at the end.</returns>
    public async ValueTask<Outcome<int>> ReadDirectoryAsync(Fid fid, ulong offset, byte[] buffer, object? owner = null)
    {
        Request request = await connection.RentAsync(owner);
        try
        {
            request.OfferBuffer(buffer, buffer.Length);
            int length = buffer.Length - Requests.ReadHeaderSize;
            Errno error = await request.SendAsync(
                Requests.Read(request.Output, MessageType.Treaddir, request.Tag, fid.Number, offset, (uint)length));
            if (error != Errno.None)
            {
                return error;
            }

            return Replies.TryReadCount(request.Body, request.Body.Length - sizeof(uint), out int moved) ? moved : Distrust();
        }
        finally
        {
            request.Return();
        }
    }

    /// <summary>Brings what was written to the server's device (fsync).</summary>
    public async ValueTask<Errno> SynchronizeAsync(Fid fid, bool dataOnly)
    {
        Request request = await connection.RentAsync();
        try
        {
            return await request.SendAsync(Requests.Synchronize(request.Output, request.Tag, fid.Number, dataOnly));
        }
        finally
        {
            request.Return();
        }
    }

    /// <summary>Makes a fid stand for an extended attribute's value, or for the list of their names (xattrwalk).</summary>
    /// <param name="name">Empty for the list.</param>
    /// <returns>Bytes that can be read.</returns>
    public async ValueTask<Outcome<long>> WalkToAttributeAsync(Fid fid, Fid attribute, ReadOnlyMemory<byte> name, object? owner = null)
    {
        Request request = await connection.RentAsync(owner);
        try
        {
            Errno error = await request.SendAsync(
                Requests.WalkToAttribute(request.Output, request.Tag, fid.Number, attribute.Number, name.Span));
            if (error != Errno.None)
            {
                return error;
            }

            if (!Replies.TryReadAttributeSize(request.Body, out ulong size) || size > long.MaxValue)
            {
                return Distrust();
            }

            attribute.Establish(fid.Qid);
            return (long)size;
        }
        finally
        {
            request.Return();
        }
    }

    /// <summary>
    /// Makes a fid of a file stand for a new value of an extended attribute, which is to be written and clunked (xattrcreate).
    /// </summary>
    public async ValueTask<Errno> CreateAttributeAsync(Fid fid, ReadOnlyMemory<byte> name, long size, XattrFlags flags)
    {
        Request request = await connection.RentAsync();
        try
        {
            return await request.SendAsync(
                Requests.CreateAttribute(request.Output, request.Tag, fid.Number, name.Span, (ulong)size, (uint)flags));
        }
        finally
        {
            request.Return();
        }
    }
}

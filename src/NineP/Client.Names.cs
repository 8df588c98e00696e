using Semitone.Abi;

namespace Semitone.NineP;

/// <content>Names that are made, moved and taken away.</content>
public sealed partial class Client
{
    /// <summary>Makes a directory (mkdir).</summary>
    public async ValueTask<Errno> MakeDirectoryAsync(Fid directory, ReadOnlyMemory<byte> name, Mode mode, uint groupId)
    {
        Request request = await connection.RentAsync();
        try
        {
            Errno error = await request.SendAsync(
                Requests.MakeDirectory(request.Output, request.Tag, directory.Number, name.Span, mode, groupId));
            return CheckQid(error, request);
        }
        finally
        {
            request.Return();
        }
    }

    /// <summary>Makes a device, a fifo, a socket or a file (mknod).</summary>
    public async ValueTask<Errno> MakeNodeAsync(
        Fid directory, ReadOnlyMemory<byte> name, Mode mode, uint major, uint minor, uint groupId)
    {
        Request request = await connection.RentAsync();
        try
        {
            Errno error = await request.SendAsync(
                Requests.MakeNode(request.Output, request.Tag, directory.Number, name.Span, mode, major, minor, groupId));
            return CheckQid(error, request);
        }
        finally
        {
            request.Return();
        }
    }

    /// <summary>Makes a symbolic link (symlink).</summary>
    public async ValueTask<Errno> MakeSymbolicLinkAsync(
        Fid directory, ReadOnlyMemory<byte> name, ReadOnlyMemory<byte> target, uint groupId)
    {
        Request request = await connection.RentAsync();
        try
        {
            Errno error = await request.SendAsync(
                Requests.MakeSymbolicLink(request.Output, request.Tag, directory.Number, name.Span, target.Span, groupId));
            return CheckQid(error, request);
        }
        finally
        {
            request.Return();
        }
    }

    /// <summary>Makes a file and opens it (lcreate).</summary>
    /// <param name="fid">A fid of the directory, which stands for the open file afterwards.</param>
    public async ValueTask<Errno> CreateAsync(Fid fid, ReadOnlyMemory<byte> name, OpenFlags flags, Mode mode, uint groupId)
    {
        Request request = await connection.RentAsync();
        try
        {
            Errno error = await request.SendAsync(
                Requests.Create(request.Output, request.Tag, fid.Number, name.Span, (uint)flags, mode, groupId));
            return error == Errno.None ? EstablishOpen(fid, request.Body) : error;
        }
        finally
        {
            request.Return();
        }
    }

    /// <summary>Gives a file another name (link).</summary>
    public async ValueTask<Errno> LinkAsync(Fid directory, Fid fid, ReadOnlyMemory<byte> name)
    {
        Request request = await connection.RentAsync();
        try
        {
            return await request.SendAsync(Requests.Link(request.Output, request.Tag, directory.Number, fid.Number, name.Span));
        }
        finally
        {
            request.Return();
        }
    }

    /// <summary>Moves a name (renameat).</summary>
    public async ValueTask<Errno> RenameAtAsync(
        Fid oldDirectory, ReadOnlyMemory<byte> oldName, Fid newDirectory, ReadOnlyMemory<byte> newName)
    {
        Request request = await connection.RentAsync();
        try
        {
            return await request.SendAsync(Requests.RenameAt(
                request.Output, request.Tag, oldDirectory.Number, oldName.Span, newDirectory.Number, newName.Span));
        }
        finally
        {
            request.Return();
        }
    }

    /// <summary>Moves the file that a fid stands for (rename): for servers without renameat.</summary>
    public async ValueTask<Errno> RenameAsync(Fid fid, Fid directory, ReadOnlyMemory<byte> name)
    {
        Request request = await connection.RentAsync();
        try
        {
            return await request.SendAsync(Requests.Rename(request.Output, request.Tag, fid.Number, directory.Number, name.Span));
        }
        finally
        {
            request.Return();
        }
    }

    /// <summary>Takes a name away (unlinkat).</summary>
    /// <param name="flags">0, or <see cref="Requests.RemoveDirectory"/> for a directory.</param>
    public async ValueTask<Errno> UnlinkAtAsync(Fid directory, ReadOnlyMemory<byte> name, uint flags)
    {
        Request request = await connection.RentAsync();
        try
        {
            return await request.SendAsync(Requests.UnlinkAt(request.Output, request.Tag, directory.Number, name.Span, flags));
        }
        finally
        {
            request.Return();
        }
    }

    private Errno CheckQid(Errno error, Request request) =>
        error == Errno.None && !Replies.TryReadQid(request.Body, out _) ? Distrust() : error;

    private Errno EstablishOpen(Fid fid, ReadOnlySpan<byte> body)
    {
        if (!Replies.TryReadOpen(body, out Qid qid, out _))
        {
            return Distrust();
        }

        fid.Establish(qid);
        return Errno.None;
    }
}

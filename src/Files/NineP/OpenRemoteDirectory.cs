using Semitone.Abi;
using Semitone.Core;
using Semitone.NineP;

namespace Semitone.Files;

/// <summary>
/// An open directory of a server. Its offsets are the server's own, which mean nothing to anybody else; "." and ".." are among the entries.
/// </summary>
internal sealed class OpenRemoteDirectory(RemoteDirectory directory, OpenFlags flags) : OpenDirectory(directory, flags)
{
    private const int MostBytes = 32 * 1024;

    /// <summary>More than any one entry: what is less is answered by 0, like the end.</summary>
    private const int LeastBytes = 512;

    private byte[]? _buffer;
    private Fid? _fid;
    private long _bufferOffset;
    private int _start;
    private int _end;

    // Where the entry that was looked at last ends: in the buffer, and in the server's count.
    private int _peeked;
    private long _peekedOffset;
    private bool _isAsking;
    private bool _isAtEnd;
    private Errno _error;
    private Errno _entriesError;

    public override Errno EntriesError => _entriesError;

    public override ChangeResult Synchronize() => Errno.None;

    public override bool TryGetEntry(out DirectoryEntry entry, out long nextOffset)
    {
        entry = default;
        nextOffset = Offset;
        _entriesError = Errno.None;
        if (_isAsking)
        {
            _entriesError = InternalErrno.MustWait;
            return false;
        }

        if (_bufferOffset != Offset)
        {
            // Somebody has moved: what was read belongs elsewhere.
            _bufferOffset = Offset;
            _start = 0;
            _end = 0;
            _isAtEnd = false;
        }

        while (true)
        {
            ReadOnlySpan<byte> data = _buffer.AsSpan(_start, _end - _start);
            if (data.IsEmpty)
            {
                FetchOrEnd();
                return false;
            }

            if (!Replies.TryReadEntry(ref data, out Qid qid, out ulong offset, out byte type, out ReadOnlySpan<byte> name))
            {
                _entriesError = Errno.EIO;
                return false;
            }

            _peeked = _end - data.Length;
            nextOffset = (long)offset;
            _peekedOffset = nextOffset;
            if (!RemoteDirectory.IsHidden(name))
            {
                entry = new DirectoryEntry(name, qid.Path, (DirentType)type);
                return true;
            }

            CommitEntries(nextOffset);
        }
    }

    public override void CommitEntries(long nextOffset)
    {
        base.CommitEntries(nextOffset);
        if (nextOffset == _peekedOffset && _peeked > _start)
        {
            // Past the entry that was looked at last, also where a server says of two that they end in one place.
            _start = _peeked;
            _bufferOffset = nextOffset;
        }
    }

    protected override void OnClosed()
    {
        _fid?.Release();
        _fid = null;
        _buffer = null;
    }

    private void FetchOrEnd()
    {
        Errno error = _error;
        _error = Errno.None;
        if (error != Errno.None || _isAtEnd)
        {
            // The next reader asks again: something may have been added.
            _isAtEnd = false;
            _entriesError = error;
            return;
        }

        NinePFileSystem fileSystem = directory.Node.FileSystem;
        int length = Math.Clamp(fileSystem.Client.Connection.MessageSize, LeastBytes, MostBytes);
        if (!KernelHeap.HasRoom(RemoteNode.QuestionBytes)
            || (_buffer is null && !KernelHeap.TryAllocate(length, sizeof(byte), out _buffer)))
        {
            _entriesError = Errno.ENOMEM;
            return;
        }

        fileSystem.Clock.Begin();
        _isAsking = true;
        _entriesError = InternalErrno.MustWait;
        AddReference();
        long offset = Offset;
        fileSystem.Start(() => FetchAsync(_buffer!, offset));
    }

    private async ValueTask FetchAsync(byte[] buffer, long offset)
    {
        Errno error = await OpenAsync();
        int length = 0;
        if (error == Errno.None)
        {
            Outcome<int> read = await directory.Node.FileSystem.Client.ReadDirectoryAsync(_fid!, (ulong)offset, buffer, directory.Node);
            error = read.Error;
            length = error == Errno.None ? read.Value : 0;
        }

        _bufferOffset = offset;
        _start = Requests.ReadHeaderSize;
        _end = _start + length;
        _peeked = 0;
        _isAtEnd = error == Errno.None && length == 0;
        _error = error == Errno.EINTR ? Errno.None : error;
        _isAsking = false;
        directory.Node.Fetches.WakeAll();
        Release();
    }

    private async ValueTask<Errno> OpenAsync()
    {
        if (_fid is not null)
        {
            return Errno.None;
        }

        Outcome<Fid> from = await directory.Node.GetFidAsync();
        if (from.Error != Errno.None)
        {
            return from.Error;
        }

        Client client = directory.Node.FileSystem.Client;
        Fid? fid = client.Connection.MakeFid();
        Errno error = fid is null ? Errno.ENOMEM : await client.WalkAsync(from.Value, fid, default, directory.Node);
        from.Value.Release();
        if (error == Errno.None)
        {
            error = await client.OpenAsync(fid!, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY, directory.Node);
        }

        if (error == Errno.None)
        {
            _fid = fid;
        }
        else
        {
            fid?.Release();
        }

        return error;
    }
}

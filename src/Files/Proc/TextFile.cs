using Semitone.Abi;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>A file whose text the kernel makes up when it is read.</summary>
internal abstract class TextFileInode(FileSystem fileSystem, ulong number, Mode permissions)
    : Inode(fileSystem, number, Mode.S_IFREG | permissions)
{
    public override int PreferredBlockSize => 1024;

    /// <summary>Whether epoll(7) takes the file.</summary>
    public virtual bool IsPollable => false;

    /// <summary>What mmap(2) answers.</summary>
    public virtual Errno MapError => Errno.ENODEV;

    /// <summary>Nobody cuts off what is made anew each time: O_TRUNC succeeds, and does nothing (proc(5)).</summary>
    public override ChangeResult SetSize(long size) => Errno.None;

    public override Errno CheckRightsChange() => Errno.EPERM;

    /// <summary>Makes the text.</summary>
    /// <returns>None, or what reading answers when what the file tells of is gone (ESRCH).</returns>
    public abstract Errno Write(TextBuilder text);

    /// <summary>Takes what a program writes.</summary>
    /// <param name="text">All of it, or as much as such a file takes.</param>
    /// <returns>None, when all is taken; what write(2) answers.</returns>
    public virtual Errno Store(ReadOnlySpan<byte> text) => Errno.EINVAL;

    public override Errno Open(OpenFlags flags, out OpenFile? file)
    {
        file = new OpenTextFile(this, flags);
        return Errno.None;
    }
}

/// <summary>
/// A file of made-up text, opened. The text is made when it is read from its start, and stays until it is read from there again.
/// </summary>
internal sealed class OpenTextFile(TextFileInode inode, OpenFlags flags) : OpenFile(inode, flags)
{
    /// <summary>Longer texts are cut; none of the files takes half of that.</summary>
    private const int MaximumStored = 256;

    private TextBuilder? _text;

    public override bool IsSeekable => true;

    public override bool IsPollable => inode.IsPollable;

    public override Errno MapError => inode.MapError;

    public override IoResult Write(ref IoCursor source)
    {
        IoResult result = WriteAt(ref source, Offset);
        Offset += result.Bytes;
        return result;
    }

    public override IoResult WriteAt(ref IoCursor source, long offset)
    {
        Span<byte> text = stackalloc byte[MaximumStored];
        int length = source.Read(text[..(int)Math.Min(source.Remaining, MaximumStored)]);
        if (source.IsFaulted)
        {
            return Errno.EFAULT;
        }
        Errno error = inode.Store(text[..length]);
        if (error != Errno.None)
        {
            return error;
        }
        source.Skip(source.Remaining);
        return source.ToResult();
    }

    public override IoResult Read(ref IoCursor destination)
    {
        IoResult result = ReadAt(ref destination, Offset);
        Offset += result.Bytes;
        return result;
    }

    public override IoResult ReadAt(ref IoCursor destination, long offset)
    {
        if (_text is null || offset == 0)
        {
            _text ??= new TextBuilder();
            _text.Clear();
            Errno error = inode.Write(_text);
            if (error == Errno.None && _text.IsIncomplete)
            {
                error = Errno.ENOMEM;
            }
            if (error != Errno.None)
            {
                _text = null;
                return error;
            }
        }
        if (offset < _text.Length)
        {
            destination.Write(_text.Bytes[(int)offset..]);
        }
        return destination.ToResult();
    }

    public override Errno Seek(long offset, SeekWhence origin, out long position)
    {
        position = 0;
        long start = origin switch
        {
            SeekWhence.SEEK_SET => 0,
            SeekWhence.SEEK_CUR => Offset,
            _ => -1,
        };
        if (start < 0 || (offset > 0 && start > long.MaxValue - offset) || start + offset < 0)
        {
            return Errno.EINVAL;
        }
        Offset = start + offset;
        position = Offset;
        return Errno.None;
    }
}

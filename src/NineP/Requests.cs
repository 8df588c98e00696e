using Semitone.Abi;

namespace Semitone.NineP;

/// <summary>Writes requests. Each answers the bytes that it wrote, 0 when the buffer is too short.</summary>
/// <remarks>The fields of each are those of diod's protocol.md, in its order.</remarks>
public static class Requests
{
    /// <summary>No fid (NOFID).</summary>
    public const uint NoFid = uint.MaxValue;

    /// <summary>The tag of Tversion (NOTAG).</summary>
    public const ushort NoTag = ushort.MaxValue;

    /// <summary>The most names in one Twalk (P9_MAXWELEM).</summary>
    public const int MaximumNames = 16;

    /// <summary>Header, fid, offset and count of a Twrite.</summary>
    public const int WriteHeaderSize = 23;

    /// <summary>Header and count of Rread and Rreaddir.</summary>
    public const int ReadHeaderSize = 11;

    /// <summary>Makes Tunlinkat remove a directory (AT_REMOVEDIR).</summary>
    public const uint RemoveDirectory = 0x200;

    public static int Version(Span<byte> buffer, uint messageSize, ReadOnlySpan<byte> version)
    {
        MessageWriter writer = new(buffer, MessageType.Tversion, NoTag);
        writer.Write(messageSize);
        writer.Write(version);
        return writer.Finish();
    }

    public static int Authenticate(
        Span<byte> buffer, ushort tag, uint fid, ReadOnlySpan<byte> userName, ReadOnlySpan<byte> tree, uint userId)
    {
        MessageWriter writer = new(buffer, MessageType.Tauth, tag);
        writer.Write(fid);
        writer.Write(userName);
        writer.Write(tree);
        writer.Write(userId);
        return writer.Finish();
    }

    public static int Attach(
        Span<byte> buffer, ushort tag, uint fid, ReadOnlySpan<byte> userName, ReadOnlySpan<byte> tree, uint userId)
    {
        MessageWriter writer = new(buffer, MessageType.Tattach, tag);
        writer.Write(fid);
        writer.Write(NoFid);
        writer.Write(userName);
        writer.Write(tree);
        writer.Write(userId);
        return writer.Finish();
    }

    public static int Flush(Span<byte> buffer, ushort tag, ushort oldTag)
    {
        MessageWriter writer = new(buffer, MessageType.Tflush, tag);
        writer.Write(oldTag);
        return writer.Finish();
    }

    /// <param name="names">The names, each followed by a slash or the end; none for a second fid of the same file.</param>
    /// <param name="count">How many.</param>
    public static int Walk(Span<byte> buffer, ushort tag, uint fid, uint newFid, ReadOnlySpan<byte> names, int count)
    {
        MessageWriter writer = new(buffer, MessageType.Twalk, tag);
        writer.Write(fid);
        writer.Write(newFid);
        writer.Write((ushort)count);
        for (int i = 0; i < count; i++)
        {
            int end = names.IndexOf((byte)'/');
            writer.Write(end < 0 ? names : names[..end]);
            names = end < 0 ? default : names[(end + 1)..];
        }

        return writer.Finish();
    }

    public static int Open(Span<byte> buffer, ushort tag, uint fid, uint flags)
    {
        MessageWriter writer = new(buffer, MessageType.Tlopen, tag);
        writer.Write(fid);
        writer.Write(flags);
        return writer.Finish();
    }

    public static int Create(Span<byte> buffer, ushort tag, uint fid, ReadOnlySpan<byte> name, uint flags, Mode mode, uint groupId)
    {
        MessageWriter writer = new(buffer, MessageType.Tlcreate, tag);
        writer.Write(fid);
        writer.Write(name);
        writer.Write(flags);
        writer.Write((uint)mode);
        writer.Write(groupId);
        return writer.Finish();
    }

    public static int MakeSymbolicLink(
        Span<byte> buffer, ushort tag, uint fid, ReadOnlySpan<byte> name, ReadOnlySpan<byte> target, uint groupId)
    {
        MessageWriter writer = new(buffer, MessageType.Tsymlink, tag);
        writer.Write(fid);
        writer.Write(name);
        writer.Write(target);
        writer.Write(groupId);
        return writer.Finish();
    }

    public static int MakeNode(
        Span<byte> buffer, ushort tag, uint fid, ReadOnlySpan<byte> name, Mode mode, uint major, uint minor, uint groupId)
    {
        MessageWriter writer = new(buffer, MessageType.Tmknod, tag);
        writer.Write(fid);
        writer.Write(name);
        writer.Write((uint)mode);
        writer.Write(major);
        writer.Write(minor);
        writer.Write(groupId);
        return writer.Finish();
    }

    public static int MakeDirectory(Span<byte> buffer, ushort tag, uint fid, ReadOnlySpan<byte> name, Mode mode, uint groupId)
    {
        MessageWriter writer = new(buffer, MessageType.Tmkdir, tag);
        writer.Write(fid);
        writer.Write(name);
        writer.Write((uint)mode);
        writer.Write(groupId);
        return writer.Finish();
    }

    public static int Link(Span<byte> buffer, ushort tag, uint directory, uint fid, ReadOnlySpan<byte> name)
    {
        MessageWriter writer = new(buffer, MessageType.Tlink, tag);
        writer.Write(directory);
        writer.Write(fid);
        writer.Write(name);
        return writer.Finish();
    }

    public static int Rename(Span<byte> buffer, ushort tag, uint fid, uint directory, ReadOnlySpan<byte> name)
    {
        MessageWriter writer = new(buffer, MessageType.Trename, tag);
        writer.Write(fid);
        writer.Write(directory);
        writer.Write(name);
        return writer.Finish();
    }

    public static int RenameAt(
        Span<byte> buffer, ushort tag, uint oldDirectory, ReadOnlySpan<byte> oldName, uint newDirectory, ReadOnlySpan<byte> newName)
    {
        MessageWriter writer = new(buffer, MessageType.Trenameat, tag);
        writer.Write(oldDirectory);
        writer.Write(oldName);
        writer.Write(newDirectory);
        writer.Write(newName);
        return writer.Finish();
    }

    public static int UnlinkAt(Span<byte> buffer, ushort tag, uint directory, ReadOnlySpan<byte> name, uint flags)
    {
        MessageWriter writer = new(buffer, MessageType.Tunlinkat, tag);
        writer.Write(directory);
        writer.Write(name);
        writer.Write(flags);
        return writer.Finish();
    }

    public static int SetAttributes(Span<byte> buffer, ushort tag, uint fid, in AttributeUpdate update)
    {
        MessageWriter writer = new(buffer, MessageType.Tsetattr, tag);
        writer.Write(fid);
        writer.Write((uint)update.Fields);
        writer.Write((uint)update.Mode);
        writer.Write(update.UserId);
        writer.Write(update.GroupId);
        writer.Write(update.Size);
        writer.Write((ulong)update.Accessed.tv_sec);
        writer.Write((ulong)update.Accessed.tv_nsec);
        writer.Write((ulong)update.Modified.tv_sec);
        writer.Write((ulong)update.Modified.tv_nsec);
        return writer.Finish();
    }

    public static int GetAttributes(Span<byte> buffer, ushort tag, uint fid, ulong mask)
    {
        MessageWriter writer = new(buffer, MessageType.Tgetattr, tag);
        writer.Write(fid);
        writer.Write(mask);
        return writer.Finish();
    }

    public static int WalkToAttribute(Span<byte> buffer, ushort tag, uint fid, uint newFid, ReadOnlySpan<byte> name)
    {
        MessageWriter writer = new(buffer, MessageType.Txattrwalk, tag);
        writer.Write(fid);
        writer.Write(newFid);
        writer.Write(name);
        return writer.Finish();
    }

    public static int CreateAttribute(Span<byte> buffer, ushort tag, uint fid, ReadOnlySpan<byte> name, ulong size, uint flags)
    {
        MessageWriter writer = new(buffer, MessageType.Txattrcreate, tag);
        writer.Write(fid);
        writer.Write(name);
        writer.Write(size);
        writer.Write(flags);
        return writer.Finish();
    }

    /// <param name="type"><see cref="MessageType.Tread"/> or <see cref="MessageType.Treaddir"/>.</param>
    public static int Read(Span<byte> buffer, MessageType type, ushort tag, uint fid, ulong offset, uint count)
    {
        MessageWriter writer = new(buffer, type, tag);
        writer.Write(fid);
        writer.Write(offset);
        writer.Write(count);
        return writer.Finish();
    }

    /// <param name="count">Bytes of data, which follow from elsewhere.</param>
    public static int Write(Span<byte> buffer, ushort tag, uint fid, ulong offset, int count)
    {
        MessageWriter writer = new(buffer, MessageType.Twrite, tag);
        writer.Write(fid);
        writer.Write(offset);
        writer.Write((uint)count);
        return writer.Finish(count);
    }

    public static int Synchronize(Span<byte> buffer, ushort tag, uint fid, bool dataOnly)
    {
        MessageWriter writer = new(buffer, MessageType.Tfsync, tag);
        writer.Write(fid);
        writer.Write(dataOnly ? 1u : 0u);
        return writer.Finish();
    }

    public static int Lock(Span<byte> buffer, ushort tag, uint fid, in LockRange range)
    {
        MessageWriter writer = new(buffer, MessageType.Tlock, tag);
        writer.Write(fid);
        writer.Write(range.Type);
        writer.Write(range.Flags);
        writer.Write(range.Start);
        writer.Write(range.Length);
        writer.Write(range.ProcessId);
        writer.Write(range.ClientId);
        return writer.Finish();
    }

    public static int GetLock(Span<byte> buffer, ushort tag, uint fid, in LockRange range)
    {
        MessageWriter writer = new(buffer, MessageType.Tgetlock, tag);
        writer.Write(fid);
        writer.Write(range.Type);
        writer.Write(range.Start);
        writer.Write(range.Length);
        writer.Write(range.ProcessId);
        writer.Write(range.ClientId);
        return writer.Finish();
    }

    /// <summary>Writes a request that names one fid and nothing else.</summary>
    /// <param name="type">Tclunk, Tremove, Tstatfs or Treadlink.</param>
    public static int OfFid(Span<byte> buffer, MessageType type, ushort tag, uint fid)
    {
        MessageWriter writer = new(buffer, type, tag);
        writer.Write(fid);
        return writer.Finish();
    }
}

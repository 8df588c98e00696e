using System.Buffers.Binary;
using Semitone.Abi;

namespace Semitone.NineP;

/// <summary>What kind of answer has come.</summary>
public enum ReplyKind
{
    /// <summary>None that could be one: whoever sends such things is not to be trusted any further.</summary>
    Bad,

    /// <summary>The request has been served.</summary>
    Served,

    /// <summary>It has been refused (Rlerror).</summary>
    Refused,
}

/// <summary>Checks and reads replies, which are input like any other.</summary>
/// <remarks>
/// The readers answer false for a body that lacks something, or says something that cannot be. What stands behind the fields is ignored, as
/// a later version of the protocol may have more to tell.
/// </remarks>
public static class Replies
{
    private const int ErrorSize = MessageWriter.HeaderSize + sizeof(uint);
    private const long NsPerSecond = 1_000_000_000;

    /// <summary>The largest errno of Linux (EHWPOISON): others, and those with which the kernel talks to itself, are EIO.</summary>
    private const uint LargestErrno = 133;

    /// <summary>Checks the head of a reply.</summary>
    /// <param name="head">The reply's first bytes, as many as there are up to a request's fixed part.</param>
    /// <param name="used">Bytes that the server has written.</param>
    /// <param name="offered">Bytes that it had room for.</param>
    /// <param name="error">What it refused the request with.</param>
    /// <param name="size">Bytes of the message.</param>
    public static ReplyKind Check(
        ReadOnlySpan<byte> head, int used, int offered, MessageType request, ushort tag, out Errno error, out int size)
    {
        error = Errno.EIO;
        size = 0;
        if (used < MessageWriter.HeaderSize || used > offered || head.Length < MessageWriter.HeaderSize)
        {
            return ReplyKind.Bad;
        }

        uint length = BinaryPrimitives.ReadUInt32LittleEndian(head);
        if (length < MessageWriter.HeaderSize || length > (uint)used || BinaryPrimitives.ReadUInt16LittleEndian(head[5..]) != tag)
        {
            return ReplyKind.Bad;
        }

        size = (int)length;
        MessageType type = (MessageType)head[4];
        if (type == request + 1)
        {
            error = Errno.None;
            return ReplyKind.Served;
        }

        if (type != MessageType.Rlerror || size < ErrorSize || head.Length < ErrorSize)
        {
            return ReplyKind.Bad;
        }

        error = ToErrno(BinaryPrimitives.ReadUInt32LittleEndian(head[MessageWriter.HeaderSize..]));
        return ReplyKind.Refused;
    }

    /// <summary>Makes an errno of what a server says.</summary>
    public static Errno ToErrno(uint code) => code is 0 or > LargestErrno ? Errno.EIO : (Errno)code;

    /// <summary>Tells whether bytes can be a file's name: one that leads elsewhere would fool the walk.</summary>
    public static bool IsName(ReadOnlySpan<byte> name) =>
        name.Length is > 0 and <= FileLimits.NAME_MAX
            && name.IndexOfAny((byte)'/', (byte)0) < 0
            && !name.SequenceEqual("."u8)
            && !name.SequenceEqual(".."u8);

    public static bool TryReadVersion(ReadOnlySpan<byte> body, out uint messageSize, out ReadOnlySpan<byte> version)
    {
        MessageReader reader = new(body);
        messageSize = reader.ReadUInt32();
        version = reader.ReadString();
        return !reader.IsBad;
    }

    /// <summary>Reads Rattach, Rauth, Rsymlink, Rmknod or Rmkdir.</summary>
    public static bool TryReadQid(ReadOnlySpan<byte> body, out Qid qid)
    {
        MessageReader reader = new(body);
        qid = reader.ReadQid();
        return !reader.IsBad;
    }

    /// <summary>Reads Rwalk.</summary>
    /// <param name="requested">Names that were sent.</param>
    /// <param name="qids">Room for so many.</param>
    /// <param name="count">How many were walked.</param>
    public static bool TryReadWalk(ReadOnlySpan<byte> body, int requested, Span<Qid> qids, out int count)
    {
        MessageReader reader = new(body);
        count = reader.ReadUInt16();

        // Not even one of them: that would have been an Rlerror.
        if (count > requested || (count == 0 && requested > 0))
        {
            return false;
        }

        for (int i = 0; i < count; i++)
        {
            qids[i] = reader.ReadQid();
        }

        return !reader.IsBad;
    }

    /// <summary>Reads Rlopen or Rlcreate.</summary>
    /// <param name="unit">The most that one transfer moves whole; 0 where the server does not say.</param>
    public static bool TryReadOpen(ReadOnlySpan<byte> body, out Qid qid, out uint unit)
    {
        MessageReader reader = new(body);
        qid = reader.ReadQid();
        unit = reader.ReadUInt32();
        return !reader.IsBad;
    }

    /// <summary>Reads Rwrite, or the head of Rread and Rreaddir.</summary>
    /// <param name="limit">The most that can be.</param>
    public static bool TryReadCount(ReadOnlySpan<byte> body, int limit, out int count)
    {
        MessageReader reader = new(body);
        uint value = reader.ReadUInt32();
        count = (int)value;
        return !reader.IsBad && value <= (uint)limit;
    }

    /// <summary>Reads Rreadlink: a path is never empty and has no NUL.</summary>
    public static bool TryReadTarget(ReadOnlySpan<byte> body, out ReadOnlySpan<byte> target)
    {
        MessageReader reader = new(body);
        target = reader.ReadString();
        return !reader.IsBad && target.Length is > 0 and < FileLimits.PATH_MAX && !target.Contains((byte)0);
    }

    public static bool TryReadAttributes(ReadOnlySpan<byte> body, out RemoteAttributes attributes)
    {
        MessageReader reader = new(body);
        attributes = new RemoteAttributes
        {
            Valid = reader.ReadUInt64(),
            Qid = reader.ReadQid(),
            Mode = (Mode)reader.ReadUInt32(),
            UserId = reader.ReadUInt32(),
            GroupId = reader.ReadUInt32(),
            Links = reader.ReadUInt64(),
            Device = reader.ReadUInt64(),
            Size = reader.ReadUInt64(),
            BlockSize = reader.ReadUInt64(),
            Blocks = reader.ReadUInt64(),
            Accessed = ReadTime(ref reader),
            Modified = ReadTime(ref reader),
            Changed = ReadTime(ref reader),
        };
        return !reader.IsBad && attributes.Size <= long.MaxValue;
    }

    public static bool TryReadStatistics(ReadOnlySpan<byte> body, out FileSystemStatistics statistics)
    {
        MessageReader reader = new(body);
        statistics = new FileSystemStatistics
        {
            Type = reader.ReadUInt32(),
            BlockSize = reader.ReadUInt32(),
            Blocks = reader.ReadUInt64(),
            FreeBlocks = reader.ReadUInt64(),
            AvailableBlocks = reader.ReadUInt64(),
            Files = reader.ReadUInt64(),
            FreeFiles = reader.ReadUInt64(),
            Id = reader.ReadUInt64(),
            NameLength = reader.ReadUInt32(),
        };
        return !reader.IsBad;
    }

    /// <summary>Reads Rxattrwalk: bytes of the attribute, or of the list of names.</summary>
    public static bool TryReadAttributeSize(ReadOnlySpan<byte> body, out ulong size)
    {
        MessageReader reader = new(body);
        size = reader.ReadUInt64();
        return !reader.IsBad;
    }

    /// <summary>Reads Rlock: 0 for success, 1 for blocked, 2 for an error, 3 for a server that has just begun.</summary>
    public static bool TryReadLockStatus(ReadOnlySpan<byte> body, out byte status)
    {
        MessageReader reader = new(body);
        status = reader.ReadByte();
        return !reader.IsBad && status <= 3;
    }

    /// <summary>Reads Rgetlock.</summary>
    public static bool TryReadLock(ReadOnlySpan<byte> body, out LockRange range)
    {
        MessageReader reader = new(body);
        range = new LockRange
        {
            Type = reader.ReadByte(),
            Start = reader.ReadUInt64(),
            Length = reader.ReadUInt64(),
            ProcessId = reader.ReadUInt32(),
            ClientId = reader.ReadString(),
        };
        return !reader.IsBad && range.Type <= 2;
    }

    /// <summary>Steps through the entries of a Rreaddir.</summary>
    /// <param name="data">What is left of them; moved past the entry.</param>
    /// <param name="offset">Where the server goes on after this entry.</param>
    /// <returns>False at the end, and for an entry that cannot be: then <paramref name="data"/> is not empty.</returns>
    public static bool TryReadEntry(
        scoped ref ReadOnlySpan<byte> data, out Qid qid, out ulong offset, out byte type, out ReadOnlySpan<byte> name)
    {
        MessageReader reader = new(data);
        qid = reader.ReadQid();
        offset = reader.ReadUInt64();
        type = reader.ReadByte();
        name = reader.ReadString();
        bool isDots = name.SequenceEqual("."u8) || name.SequenceEqual(".."u8);
        if (reader.IsBad || offset > long.MaxValue || !(isDots || IsName(name)))
        {
            return false;
        }

        data = data[(data.Length - reader.Remaining)..];
        return true;
    }

    /// <summary>Reads a time; the part of a second is less than one, whatever the server says.</summary>
    private static Timespec ReadTime(ref MessageReader reader)
    {
        long seconds = (long)reader.ReadUInt64();
        ulong nanoseconds = reader.ReadUInt64();
        const long Limit = (long.MaxValue / NsPerSecond) - 1;
        return new Timespec
        {
            tv_sec = Math.Clamp(seconds, -Limit, Limit),
            tv_nsec = nanoseconds < (ulong)NsPerSecond ? (long)nanoseconds : 0,
        };
    }
}

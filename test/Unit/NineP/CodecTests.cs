using System.Buffers.Binary;
using System.Text;
using Semitone.Abi;
using Semitone.NineP;

namespace Semitone.Unit.NineP;

/// <summary>Each message of 9P2000.L, byte by byte as diod's protocol.md has it.</summary>
public sealed class CodecTests
{
    private readonly byte[] _buffer = new byte[4400];

    public static TheoryData<string, string> RequestLayouts => new()
    {
        { "version", "100 4 s" },
        { "auth", "102 4 s s 4" },
        { "attach", "104 4 4 s s 4" },
        { "flush", "108 2" },
        { "walk", "110 4 4 2 s s" },
        { "lopen", "12 4 4" },
        { "lcreate", "14 4 s 4 4 4" },
        { "symlink", "16 4 s s 4" },
        { "mknod", "18 4 s 4 4 4 4" },
        { "rename", "20 4 4 s" },
        { "readlink", "22 4" },
        { "getattr", "24 4 8" },
        { "setattr", "26 4 4 4 4 4 8 8 8 8 8" },
        { "xattrwalk", "30 4 4 s" },
        { "xattrcreate", "32 4 s 8 4" },
        { "readdir", "40 4 8 4" },
        { "fsync", "50 4 4" },
        { "lock", "52 4 1 4 8 8 4 s" },
        { "getlock", "54 4 1 8 8 4 s" },
        { "link", "70 4 4 s" },
        { "mkdir", "72 4 s 4 4" },
        { "renameat", "74 4 s 4 s" },
        { "unlinkat", "76 4 s 4" },
        { "read", "116 4 8 4" },
        { "write", "118 4 8 4" },
        { "clunk", "120 4" },
        { "remove", "122 4" },
        { "statfs", "8 4" },
    };

    [Theory]
    [MemberData(nameof(RequestLayouts))]
    public void Request_IsLaidOutAsTheProtocolHasIt(string name, string layout)
    {
        int length = Write(name, out string[] values);
        byte[] expected = Build(layout, values, name == "version" ? Requests.NoTag : (ushort)9);
        if (name == "write")
        {
            // The size counts the data, which follows from elsewhere.
            BinaryPrimitives.WriteInt32LittleEndian(expected, length + 100);
        }

        Assert.Equal(expected, _buffer[..length]);
    }

    [Fact]
    public void Request_LongerThanTheBuffer_IsNotWritten()
    {
        byte[] name = new byte[300];
        Assert.Equal(0, Requests.UnlinkAt(new byte[200], 1, 2, name, 0));
        Assert.Equal(0, Requests.UnlinkAt(new byte[70_000], 1, 2, new byte[65_536], 0));
    }

    [Fact]
    public void Request_LongestOfAll_FitsARequestsOutput()
    {
        byte[] name = Enumerable.Repeat((byte)'n', FileLimits.NAME_MAX).ToArray();
        byte[] names = string.Join('/', Enumerable.Repeat(Encoding.ASCII.GetString(name), 16)).Select(c => (byte)c).ToArray();
        Assert.NotEqual(0, Requests.Walk(_buffer, 1, 2, 3, names, 16));
        Assert.NotEqual(0, Requests.MakeSymbolicLink(_buffer, 1, 2, name, new byte[FileLimits.PATH_MAX - 1], 0));
    }

    [Fact]
    public void Replies_EveryKind_AreReadAsTheProtocolHasThem()
    {
        Assert.True(Replies.TryReadVersion(Body("4 s", "8192", "9P2000.L"), out uint size, out ReadOnlySpan<byte> version));
        Assert.Equal(8192u, size);
        Assert.Equal("9P2000.L", Encoding.ASCII.GetString(version));

        Assert.True(Replies.TryReadQid(Body("1 4 8", "128", "5", "77"), out Qid qid));
        Assert.Equal(new Qid(QidType.Directory, 5, 77), qid);

        Qid[] qids = new Qid[16];
        Assert.True(Replies.TryReadWalk(Body("2 1 4 8 1 4 8", "2", "128", "5", "77", "2", "6", "78"), 3, qids, out int walked));
        Assert.Equal((2, 77ul, true), (walked, qids[0].Path, qids[1].IsSymbolicLink));

        Assert.True(Replies.TryReadOpen(Body("1 4 8 4", "0", "5", "77", "4072"), out qid, out uint unit));
        Assert.Equal((77ul, 4072u), (qid.Path, unit));

        Assert.True(Replies.TryReadCount(Body("4", "12"), 12, out int count));
        Assert.Equal(12, count);

        Assert.True(Replies.TryReadTarget(Body("s", "../x"), out ReadOnlySpan<byte> target));
        Assert.Equal("../x", Encoding.ASCII.GetString(target));

        Assert.True(Replies.TryReadAttributes(
            Body(
                "8 1 4 8 4 4 4 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8",
                [
                    "2047", "0", "1", "2", "33188", "10", "11", "3", "4", "5", "6", "7", "8", "9",
                    "10", "11", "12", "13", "14", "15", "16", "17"
                ]),
            out RemoteAttributes attributes));
        Assert.Equal(
            (2047ul, 2ul, (Mode)33188, 10u, 11u),
            (attributes.Valid, attributes.Qid.Path, attributes.Mode, attributes.UserId, attributes.GroupId));
        Assert.Equal(
            (3ul, 4ul, 5ul, 6ul, 7ul),
            (attributes.Links, attributes.Device, attributes.Size, attributes.BlockSize, attributes.Blocks));
        Assert.Equal((8, 9), (attributes.Accessed.tv_sec, attributes.Accessed.tv_nsec));
        Assert.Equal(
            (10, 11, 12, 13),
            (attributes.Modified.tv_sec, attributes.Modified.tv_nsec, attributes.Changed.tv_sec, attributes.Changed.tv_nsec));

        Assert.True(Replies.TryReadStatistics(Body("4 4 8 8 8 8 8 8 4", "1", "2", "3", "4", "5", "6", "7", "8", "9"), out var statistics));
        Assert.Equal((1u, 2u, 3ul, 4ul), (statistics.Type, statistics.BlockSize, statistics.Blocks, statistics.FreeBlocks));
        Assert.Equal(
            (5ul, 6ul, 7ul, 8ul, 9u),
            (statistics.AvailableBlocks, statistics.Files, statistics.FreeFiles, statistics.Id, statistics.NameLength));

        Assert.True(Replies.TryReadAttributeSize(Body("8", "99"), out ulong attributeSize));
        Assert.Equal(99ul, attributeSize);

        Assert.True(Replies.TryReadLockStatus(Body("1", "1"), out byte status));
        Assert.Equal(1, status);

        Assert.True(Replies.TryReadLock(Body("1 8 8 4 s", "2", "1", "2", "3", "me"), out LockRange range));
        Assert.Equal((2, 1ul, 2ul, 3u), (range.Type, range.Start, range.Length, range.ProcessId));

        ReadOnlySpan<byte> data = Body("1 4 8 8 1 s 1 4 8 8 1 s", "0", "0", "7", "1", "8", "a", "128", "0", "8", "2", "4", "..");
        Assert.True(Replies.TryReadEntry(ref data, out qid, out ulong offset, out byte type, out ReadOnlySpan<byte> name));
        Assert.Equal((7ul, 1ul, 8, "a"), (qid.Path, offset, type, Encoding.ASCII.GetString(name)));
        Assert.True(Replies.TryReadEntry(ref data, out qid, out offset, out type, out name));
        Assert.Equal((8ul, 2ul, ".."), (qid.Path, offset, Encoding.ASCII.GetString(name)));
        Assert.True(data.IsEmpty);
    }

    [Fact]
    public void Replies_ThatCannotBe_AreRefused()
    {
        Qid[] qids = new Qid[16];
        Assert.False(Replies.TryReadWalk(Body("2 1 4 8", "2", "0", "0", "1"), 1, qids, out _));
        Assert.False(Replies.TryReadWalk(Body("2", "0"), 1, qids, out _));
        Assert.False(Replies.TryReadCount(Body("4", "13"), 12, out _));
        Assert.False(Replies.TryReadCount(Body("4", "4294967295"), 12, out _));
        Assert.False(Replies.TryReadTarget(Body("s", ""), out _));
        Assert.False(Replies.TryReadTarget(Body("s", "a\0b"), out _));
        foreach (string bad in (string[])["", "a/b", "a\0b", new string('x', 256)])
        {
            ReadOnlySpan<byte> data = Body("1 4 8 8 1 s", "0", "0", "7", "1", "8", bad);
            Assert.False(Replies.TryReadEntry(ref data, out _, out _, out _, out _));
            Assert.False(data.IsEmpty);
        }

        Assert.False(Replies.IsName("."u8));
        Assert.False(Replies.IsName(".."u8));
        Assert.True(Replies.IsName("..."u8));
    }

    [Theory]
    [InlineData(0, Errno.EIO)]
    [InlineData(2, Errno.ENOENT)]
    [InlineData(133, (Errno)133)]
    [InlineData(134, Errno.EIO)]
    [InlineData(512, Errno.EIO)]
    [InlineData(4094, Errno.EIO)]
    [InlineData(4096, Errno.EIO)]
    public void Error_OnlyLinuxsOwnNumbersAreBelieved(uint code, Errno expected) => Assert.Equal(expected, Replies.ToErrno(code));

    [Theory]
    [InlineData(7, 7, 7, 121, 5, ReplyKind.Served)]
    [InlineData(7, 9, 16, 121, 5, ReplyKind.Served)]
    [InlineData(11, 11, 16, 7, 5, ReplyKind.Refused)]
    [InlineData(8, 7, 16, 121, 5, ReplyKind.Bad)]
    [InlineData(6, 7, 16, 121, 5, ReplyKind.Bad)]
    [InlineData(7, 7, 6, 121, 5, ReplyKind.Bad)]
    [InlineData(7, 0, 16, 121, 5, ReplyKind.Bad)]
    [InlineData(7, -1, 16, 121, 5, ReplyKind.Bad)]
    [InlineData(7, 7, 16, 119, 5, ReplyKind.Bad)]
    [InlineData(7, 7, 16, 121, 6, ReplyKind.Bad)]
    [InlineData(9, 9, 16, 7, 5, ReplyKind.Bad)]
    [InlineData(-1, 16, 16, 121, 5, ReplyKind.Bad)]
    public void Head_IsChecked(int size, int used, int offered, byte type, ushort tag, ReplyKind expected)
    {
        byte[] reply = new byte[16];
        BinaryPrimitives.WriteInt32LittleEndian(reply, size);
        reply[4] = type;
        BinaryPrimitives.WriteUInt16LittleEndian(reply.AsSpan(5), tag);
        reply[7] = 2;
        ReplyKind kind = Replies.Check(
            reply.AsSpan(0, Math.Clamp(used, 0, 16)), used, offered, MessageType.Tclunk, 5, out Errno error, out _);
        Assert.Equal(expected, kind);
        Errno told = expected == ReplyKind.Served ? Errno.None : expected == ReplyKind.Refused ? Errno.ENOENT : Errno.EIO;
        Assert.Equal(told, error);
    }

    private static byte[] Body(string layout, params string[] values) => Build("0 " + layout, values, 0)[7..];

    /// <summary>Lays values out: a type, then the widths of numbers, or s for a string.</summary>
    private static byte[] Build(string layout, string[] values, ushort tag)
    {
        string[] fields = layout.Split(' ');
        MemoryStream stream = new();
        BinaryWriter writer = new(stream);
        writer.Write(0);
        writer.Write(byte.Parse(fields[0]));
        writer.Write(tag);
        for (int i = 1; i < fields.Length; i++)
        {
            string value = values[i - 1];
            switch (fields[i])
            {
                case "1":
                    writer.Write(byte.Parse(value));
                    break;
                case "2":
                    writer.Write(ushort.Parse(value));
                    break;
                case "4":
                    writer.Write(uint.Parse(value));
                    break;
                case "8":
                    writer.Write(ulong.Parse(value));
                    break;
                default:
                    writer.Write((ushort)Encoding.UTF8.GetByteCount(value));
                    writer.Write(Encoding.UTF8.GetBytes(value));
                    break;
            }
        }

        byte[] message = stream.ToArray();
        BinaryPrimitives.WriteInt32LittleEndian(message, message.Length);
        return message;
    }

    /// <summary>Writes a request, and tells the values of its fields.</summary>
    private int Write(string name, out string[] values)
    {
        AttributeUpdate update = new()
        {
            Fields = AttributeFields.Mode | AttributeFields.Size,
            Mode = (Mode)420,
            UserId = 4,
            GroupId = 5,
            Size = 6,
            Accessed = new Timespec { tv_sec = 7, tv_nsec = 8 },
            Modified = new Timespec { tv_sec = 9, tv_nsec = 10 },
        };
        LockRange range = new() { Type = 1, Flags = 2, Start = 3, Length = 4, ProcessId = 5, ClientId = "me"u8 };
        (int Length, string Values) written = name switch
        {
            "version" => (Requests.Version(_buffer, 8192, "9P2000.L"u8), "8192 9P2000.L"),
            "auth" => (Requests.Authenticate(_buffer, 9, 1, "root"u8, "/tree"u8, 7), "1 root /tree 7"),
            "attach" => (Requests.Attach(_buffer, 9, 1, "root"u8, "/tree"u8, 7), "1 4294967295 root /tree 7"),
            "flush" => (Requests.Flush(_buffer, 9, 8), "8"),
            "walk" => (Requests.Walk(_buffer, 9, 1, 2, "a/bc"u8, 2), "1 2 2 a bc"),
            "lopen" => (Requests.Open(_buffer, 9, 1, 2), "1 2"),
            "lcreate" => (Requests.Create(_buffer, 9, 1, "n"u8, 2, (Mode)3, 4), "1 n 2 3 4"),
            "symlink" => (Requests.MakeSymbolicLink(_buffer, 9, 1, "n"u8, "t"u8, 4), "1 n t 4"),
            "mknod" => (Requests.MakeNode(_buffer, 9, 1, "n"u8, (Mode)2, 3, 4, 5), "1 n 2 3 4 5"),
            "rename" => (Requests.Rename(_buffer, 9, 1, 2, "n"u8), "1 2 n"),
            "readlink" => (Requests.OfFid(_buffer, MessageType.Treadlink, 9, 1), "1"),
            "getattr" => (Requests.GetAttributes(_buffer, 9, 1, 2047), "1 2047"),
            "setattr" => (Requests.SetAttributes(_buffer, 9, 1, update), "1 9 420 4 5 6 7 8 9 10"),
            "xattrwalk" => (Requests.WalkToAttribute(_buffer, 9, 1, 2, "n"u8), "1 2 n"),
            "xattrcreate" => (Requests.CreateAttribute(_buffer, 9, 1, "n"u8, 2, 3), "1 n 2 3"),
            "readdir" => (Requests.Read(_buffer, MessageType.Treaddir, 9, 1, 2, 3), "1 2 3"),
            "fsync" => (Requests.Synchronize(_buffer, 9, 1, true), "1 1"),
            "lock" => (Requests.Lock(_buffer, 9, 1, range), "1 1 2 3 4 5 me"),
            "getlock" => (Requests.GetLock(_buffer, 9, 1, range), "1 1 3 4 5 me"),
            "link" => (Requests.Link(_buffer, 9, 1, 2, "n"u8), "1 2 n"),
            "mkdir" => (Requests.MakeDirectory(_buffer, 9, 1, "n"u8, (Mode)2, 3), "1 n 2 3"),
            "renameat" => (Requests.RenameAt(_buffer, 9, 1, "n"u8, 2, "m"u8), "1 n 2 m"),
            "unlinkat" => (Requests.UnlinkAt(_buffer, 9, 1, "n"u8, 512), "1 n 512"),
            "read" => (Requests.Read(_buffer, MessageType.Tread, 9, 1, 2, 3), "1 2 3"),
            "write" => (Requests.Write(_buffer, 9, 1, 2, 100), "1 2 100"),
            "clunk" => (Requests.OfFid(_buffer, MessageType.Tclunk, 9, 1), "1"),
            "remove" => (Requests.OfFid(_buffer, MessageType.Tremove, 9, 1), "1"),
            _ => (Requests.OfFid(_buffer, MessageType.Tstatfs, 9, 1), "1"),
        };
        values = written.Values.Split(' ');
        return written.Length;
    }
}

using System.Buffers.Binary;
using Semitone.Abi;
using Semitone.NineP;

namespace Semitone.Unit.NineP;

/// <summary>Damaged replies never hurt. SEMITONE_NINEP_FUZZ says how many; the full run has a million.</summary>
public sealed class ReplyFuzzTests
{
    private static readonly MessageType[] s_types =
    [
        MessageType.Tversion, MessageType.Tattach, MessageType.Twalk, MessageType.Tlopen, MessageType.Treadlink, MessageType.Tgetattr,
        MessageType.Tstatfs, MessageType.Txattrwalk, MessageType.Treaddir, MessageType.Tread, MessageType.Tlock, MessageType.Tgetlock,
        MessageType.Tclunk,
    ];

    [Fact]
    public void Reply_Damaged_IsReadWithinItsBoundsOrRefused()
    {
        int count = int.Parse(Environment.GetEnvironmentVariable("SEMITONE_NINEP_FUZZ") ?? "50000");
        Random random = new(9);
        byte[] reply = new byte[600];
        int read = 0;
        for (int i = 0; i < count; i++)
        {
            MessageType request = s_types[i % s_types.Length];
            int length = Make(random, request, reply);
            int damages = random.Next(4);
            for (int d = 0; d < damages; d++)
            {
                reply[random.Next(random.Next(2) == 0 ? 12 : length)] = (byte)random.Next(256);
            }

            int used = random.Next(8) == 0 ? random.Next(-2, 620) : length;
            int inBuffer = Math.Clamp(used, 0, 512);
            ReplyKind kind = Replies.Check(reply.AsSpan(0, inBuffer), used, 512, request, 3, out Errno error, out int size);
            Assert.Equal(kind == ReplyKind.Served, error == Errno.None);
            Assert.True((uint)error <= 133, $"{error}");
            if (kind == ReplyKind.Served)
            {
                Assert.InRange(size, 7, used);
                read += Read(request, reply.AsSpan(7, size - 7)) ? 1 : 0;
            }
        }

        // The damage leaves enough of them to read.
        Assert.True(read > count / 10, $"{read}");
    }

    private static int Make(Random random, MessageType request, byte[] reply)
    {
        random.NextBytes(reply);
        int length = 7 + random.Next(200);
        Span<byte> body = reply.AsSpan(7);
        switch (request)
        {
            case MessageType.Tversion:
                BinaryPrimitives.WriteUInt16LittleEndian(body[4..], (ushort)random.Next(20));
                break;
            case MessageType.Twalk:
                BinaryPrimitives.WriteUInt16LittleEndian(body, (ushort)random.Next(17));
                break;
            case MessageType.Treadlink:
                BinaryPrimitives.WriteUInt16LittleEndian(body, (ushort)random.Next(100));
                break;
            case MessageType.Treaddir:
                int end = 4;
                while (end < 300)
                {
                    body[end + 20] &= 0x7F;
                    int name = random.Next(1, 30);
                    BinaryPrimitives.WriteUInt16LittleEndian(body[(end + 22)..], (ushort)name);
                    end += 24 + name;
                }

                BinaryPrimitives.WriteInt32LittleEndian(body, end - 4);
                length = 7 + end;
                break;
            case MessageType.Tread:
                BinaryPrimitives.WriteInt32LittleEndian(body, random.Next(100));
                break;
            case MessageType.Tlock or MessageType.Tgetlock:
                body[0] &= 3;
                break;
            default:
                break;
        }

        BinaryPrimitives.WriteInt32LittleEndian(reply, length);
        reply[4] = (byte)(request + 1);
        BinaryPrimitives.WriteUInt16LittleEndian(reply.AsSpan(5), 3);
        return length;
    }

    private static bool Read(MessageType request, ReadOnlySpan<byte> body)
    {
        Span<Qid> qids = stackalloc Qid[16];
        switch (request)
        {
            case MessageType.Tversion:
                return Replies.TryReadVersion(body, out _, out _);
            case MessageType.Tattach:
                return Replies.TryReadQid(body, out _);
            case MessageType.Twalk:
                return Replies.TryReadWalk(body, 16, qids, out int walked) && walked <= 16;
            case MessageType.Tlopen:
                return Replies.TryReadOpen(body, out _, out _);
            case MessageType.Treadlink:
                bool isTarget = Replies.TryReadTarget(body, out ReadOnlySpan<byte> target);
                Assert.True(!isTarget || (target.Length is > 0 and < FileLimits.PATH_MAX && !target.Contains((byte)0)));
                return isTarget;
            case MessageType.Tgetattr:
                bool isRead = Replies.TryReadAttributes(body, out RemoteAttributes attributes);
                Assert.True(!isRead || ((long)attributes.Size >= 0 && (ulong)attributes.Changed.tv_nsec < 1_000_000_000));
                return isRead;
            case MessageType.Tstatfs:
                return Replies.TryReadStatistics(body, out _);
            case MessageType.Txattrwalk:
                return Replies.TryReadAttributeSize(body, out _);
            case MessageType.Treaddir:
                if (!Replies.TryReadCount(body, body.Length - 4, out int count))
                {
                    return false;
                }

                ReadOnlySpan<byte> data = body.Slice(4, count);
                while (Replies.TryReadEntry(ref data, out _, out ulong offset, out _, out ReadOnlySpan<byte> name))
                {
                    Assert.True((long)offset >= 0 && !name.IsEmpty && !name.ContainsAny((byte)0, (byte)'/'));
                }

                return data.IsEmpty;
            case MessageType.Tread:
                return Replies.TryReadCount(body, Math.Max(0, body.Length - 4), out _);
            case MessageType.Tlock:
                return Replies.TryReadLockStatus(body, out _);
            case MessageType.Tgetlock:
                return Replies.TryReadLock(body, out _);
            default:
                return true;
        }
    }
}

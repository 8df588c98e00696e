using System.Buffers.Binary;
using Semitone.Fakes;
using Semitone.Machine;
using Semitone.NineP;

namespace Semitone.Unit.NineP;

/// <summary>A server that answers as the test says, and a device that gives each reply to its own request, as virtio does.</summary>
internal sealed class ScriptedTransport(FakeMachine machine) : INinePTransport
{
    /// <summary>What is sent and not answered, oldest first.</summary>
    public List<Sent> Pending { get; } = [];

    public int MaximumSegments { get; set; } = 130;

    public int MaximumMessageSize { get; set; } = (512 * 1024) + 24;

    /// <summary>Requests that the ring holds.</summary>
    public int Room { get; set; } = int.MaxValue;

    /// <summary>Whether the server keeps a chain that it was to forget until it is given back.</summary>
    public bool KeepsFlushed { get; set; }

    public bool IsStopped { get; private set; }

    public bool TrySend(Request request)
    {
        Assert.False(IsStopped);
        if (Pending.Count >= Room)
        {
            return false;
        }

        byte[] message = Gather(machine, request.Sent);
        Assert.Equal(message.Length, BinaryPrimitives.ReadInt32LittleEndian(message));
        Pending.Add(new Sent(request, message));
        return true;
    }

    public bool TryForget(Request request)
    {
        if (!KeepsFlushed)
        {
            Pending.RemoveAll(sent => sent.Request == request);
        }

        return !KeepsFlushed;
    }

    public void Stop() => IsStopped = true;

    /// <summary>Answers the oldest request.</summary>
    public Sent Answer(params byte[] body) => Answer(Pending[0], body);

    public Sent Answer(Sent sent, params byte[] body)
    {
        byte[] reply = Reply((MessageType)(sent.Type + 1), sent.Tag, body);
        Give(sent, reply, reply.Length);
        return sent;
    }

    public void Refuse(Sent sent, uint error)
    {
        byte[] reply = Reply(MessageType.Rlerror, sent.Tag, BitConverter.GetBytes(error));
        Give(sent, reply, reply.Length);
    }

    /// <summary>Gives a request back with whatever was written to it.</summary>
    public void Give(Sent sent, byte[] reply, int used)
    {
        Pending.Remove(sent);
        Scatter(machine, sent.Request.Offered, reply);
        sent.Request.OnReply(used);
    }

    public static byte[] Reply(MessageType type, ushort tag, byte[] body)
    {
        byte[] reply = new byte[7 + body.Length];
        BinaryPrimitives.WriteInt32LittleEndian(reply, reply.Length);
        reply[4] = (byte)type;
        BinaryPrimitives.WriteUInt16LittleEndian(reply.AsSpan(5), tag);
        body.CopyTo(reply, 7);
        return reply;
    }

    public static byte[] Gather(FakeMachine machine, ReadOnlySpan<Segment> segments)
    {
        MemoryStream stream = new();
        foreach (Segment segment in segments)
        {
            byte[] piece = new byte[segment.Length];
            if (segment.Array is { } array)
            {
                array.AsSpan(segment.Offset, segment.Length).CopyTo(piece);
            }
            else
            {
                machine.Frames.Read(segment.Frame, segment.Offset, piece);
            }

            stream.Write(piece);
        }

        return stream.ToArray();
    }

    public static void Scatter(FakeMachine machine, ReadOnlySpan<Segment> segments, ReadOnlySpan<byte> bytes)
    {
        foreach (Segment segment in segments)
        {
            ReadOnlySpan<byte> piece = bytes[..Math.Min(bytes.Length, segment.Length)];
            bytes = bytes[piece.Length..];
            if (piece.IsEmpty)
            {
                continue;
            }

            if (segment.Array is { } array)
            {
                piece.CopyTo(array.AsSpan(segment.Offset));
            }
            else
            {
                machine.Frames.Write(segment.Frame, segment.Offset, piece);
            }
        }
    }

    internal sealed record Sent(Request Request, byte[] Message)
    {
        public MessageType Type => (MessageType)Message[4];

        public ushort Tag => BinaryPrimitives.ReadUInt16LittleEndian(Message.AsSpan(5));

        public uint Fid => BinaryPrimitives.ReadUInt32LittleEndian(Message.AsSpan(7));
    }
}

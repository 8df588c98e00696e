using System.Buffers.Binary;
using System.Threading.Tasks.Sources;
using Semitone.Abi;
using Semitone.Core;

namespace Semitone.NineP;

/// <summary>A request and the room for its reply: made once, used again and again.</summary>
/// <remarks>
/// Rent it (<see cref="Connection.RentAsync"/>), write the message into <see cref="Output"/>, add what belongs to it and where the answer's
/// data is to go, <c>await</c> <see cref="SendAsync"/>, read <see cref="Body"/>, give it back (<see cref="Return"/>). Nobody holds two at
/// a time, so that nobody waits for the other's.
/// </remarks>
public sealed class Request : Runnable, IValueTaskSource<Errno>
{
    /// <summary>Room for every request without its data: a Tsymlink of the longest name and target.</summary>
    private const int OutputSize = 4400;

    /// <summary>Room for every reply without its data: an Rwalk of 16 names.</summary>
    private const int InputSize = 256;

    private readonly Connection _connection;
    private readonly byte[] _output = new byte[OutputSize];
    private readonly byte[] _input = new byte[InputSize];
    private Segment[] _sent = new Segment[2];
    private Segment[] _offered = new Segment[2];
    private int _sentCount;
    private int _offeredCount;
    private byte[] _head;
    private State _state;
    private int _used;
    private int _replyCount;
    private int _size;
    private Errno _result;
    private short _version;
    private Action<object?>? _continuation;
    private object? _continuationState;
    private bool _isReturned;

    internal Request(Connection connection, ushort tag)
    {
        _connection = connection;
        Tag = tag;
        _head = _input;
    }

    private enum State : byte
    {
        Free,

        /// <summary>Somebody's, and not sent.</summary>
        Rented,

        /// <summary>Sent, or about to be.</summary>
        InFlight,

        /// <summary>Over, and its owner does not know yet or still reads the answer.</summary>
        Answered,
    }

    public ushort Tag { get; }

    /// <summary>Where the message is written to.</summary>
    public Span<byte> Output => _output;

    /// <summary>The pieces of the message.</summary>
    public ReadOnlySpan<Segment> Sent => _sent.AsSpan(0, _sentCount);

    /// <summary>The pieces of the room for the answer, in order.</summary>
    public ReadOnlySpan<Segment> Offered => _offered.AsSpan(0, _offeredCount);

    /// <summary>Bytes in <see cref="Offered"/>.</summary>
    public int OfferedLength { get; private set; }

    /// <summary>What the server has answered, after the header; the data only where it lies in the same buffer.</summary>
    public ReadOnlySpan<byte> Body =>
        _head.AsSpan(MessageWriter.HeaderSize, Math.Max(0, Math.Min(_size, HeadLength) - MessageWriter.HeaderSize));

    /// <summary>Bytes of the answer that lie behind its head, in the other pieces of the room.</summary>
    public int DataLength => Math.Max(0, _size - HeadLength);

    /// <summary>For whom the request is made: <see cref="Connection.FlushAll"/> goes by it.</summary>
    public object? Owner { get; set; }

    /// <summary>Whether it is under way.</summary>
    internal bool IsInFlight => _state == State.InFlight;

    /// <summary>Whether the server has been asked to forget it, and has not agreed yet: the tag stays taken until it has.</summary>
    internal bool IsBeingFlushed { get; set; }

    /// <summary>Whether the server has given a request back that it was to forget.</summary>
    internal bool HasBuffersBack { get; private set; }

    /// <summary>The fid that the request clunks, for one that nobody waits for.</summary>
    internal Fid? Clunked { get; set; }

    internal Request? NextFree { get; set; }

    private int HeadLength => _offeredCount == 0 ? 0 : _offered[0].Length;

    private MessageType Type => (MessageType)_output[4];

    /// <summary>Adds data that follows the message.</summary>
    public void AddData(Segment segment) => Add(ref _sent, ref _sentCount, segment, first: 1);

    /// <summary>Makes an array the room for the whole answer.</summary>
    public void OfferBuffer(byte[] buffer, int length)
    {
        _head = buffer;
        Offer(new Segment(buffer, 0, length));
    }

    /// <summary>Makes room for an answer whose data goes elsewhere.</summary>
    /// <param name="length">Bytes of its head; <see cref="OfferData"/> adds the room for the rest.</param>
    public void OfferHead(int length) => Offer(new Segment(_input, 0, length));

    public void OfferData(Segment segment)
    {
        Add(ref _offered, ref _offeredCount, segment, first: 0);
        OfferedLength += segment.Length;
    }

    /// <summary>Sends the request and waits for the answer.</summary>
    /// <param name="length">Bytes in <see cref="Output"/>; 0 for a message that was too long.</param>
    /// <returns>None; what the server refused it with; EINTR when it has been flushed; EIO when there is no server any more.</returns>
    public ValueTask<Errno> SendAsync(int length)
    {
        if (length == 0)
        {
            _state = State.InFlight;
            End(Errno.ENAMETOOLONG);
        }
        else
        {
            Send(length);
        }

        return new(this, _version);
    }

    /// <summary>Gives the request back: others may use it.</summary>
    public void Return()
    {
        _isReturned = true;
        Owner = null;
        if (!IsBeingFlushed)
        {
            Free();
        }
    }

    /// <summary>Takes note of the answer.</summary>
    /// <param name="used">Bytes that were written to <see cref="Offered"/>.</param>
    [NonAllocating]
    public void OnReply(int used)
    {
        _used = used;
        _replyCount++;
        _connection.Executor.Post(this);
    }

    /// <inheritdoc/>
    protected override void Run()
    {
        if (_state == State.InFlight && _replyCount == 1)
        {
            Accept();
        }
        else if (_replyCount > 0 && !(_state == State.Answered && _connection.IsDead))
        {
            // An answer to nothing, or a second one.
            _connection.Fail();
        }

        _replyCount = 0;
        if (_state == State.Answered)
        {
            Resume();
        }
    }

    /// <inheritdoc/>
    ValueTaskSourceStatus IValueTaskSource<Errno>.GetStatus(short token) =>
        _state == State.Answered ? ValueTaskSourceStatus.Succeeded : ValueTaskSourceStatus.Pending;

    /// <inheritdoc/>
    Errno IValueTaskSource<Errno>.GetResult(short token) =>
        token == _version && _state == State.Answered ? _result : throw new InvalidOperationException("The request is not over.");

    /// <inheritdoc/>
    void IValueTaskSource<Errno>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        _continuationState = state;
        _continuation = continuation;
        if (_state == State.Answered)
        {
            _connection.Executor.Post(this);
        }
    }

    internal void Rent()
    {
        _state = State.Rented;
        _isReturned = false;
        HasBuffersBack = false;
        _head = _input;
        _sentCount = 1;
        _size = 0;
        _version++;
        OfferedLength = 0;
        Offer(new Segment(_input, 0, InputSize));
    }

    internal void Send(int length)
    {
        _sent[0] = new Segment(_output, 0, length);
        _state = State.InFlight;
        _connection.Transmit(this);
    }

    /// <summary>Ends it without an answer.</summary>
    internal void End(Errno result)
    {
        if (_state == State.InFlight)
        {
            _result = result;
            _state = State.Answered;
            _connection.Executor.Post(this);
        }
    }

    /// <summary>The server has agreed to forget it, or has answered before.</summary>
    internal void FinishFlush()
    {
        IsBeingFlushed = false;
        if (_isReturned)
        {
            Free();
        }
    }

    private void Offer(Segment segment)
    {
        _offered[0] = segment;
        _offeredCount = 1;
        OfferedLength = segment.Length;
    }

    private void Accept()
    {
        if (_used == 0 && IsBeingFlushed)
        {
            // The buffers are back, the request has not been served; the owner hears of it when the tag is free.
            HasBuffersBack = true;
            _connection.SendMore();
            return;
        }

        ushort tag = BinaryPrimitives.ReadUInt16LittleEndian(_output.AsSpan(5));
        ReadOnlySpan<byte> head = _head.AsSpan(0, Math.Min(HeadLength, Math.Max(0, _used)));
        ReplyKind kind = Replies.Check(head, _used, OfferedLength, Type, tag, out _result, out _size);
        _state = State.Answered;
        if (kind == ReplyKind.Bad)
        {
            _result = Errno.EIO;
            _connection.Fail();
        }

        _connection.SendMore();
    }

    private void Resume()
    {
        if (Clunked is { } fid)
        {
            Clunked = null;
            fid.Forget();
            _connection.FreeNumber(fid);
            Return();
            return;
        }

        if (_continuation is { } continuation)
        {
            object? state = _continuationState;
            _continuation = null;
            _continuationState = null;
            continuation(state);
        }
    }

    private void Free()
    {
        _state = State.Free;
        _head = _input;

        // What it pointed at is nobody's business any more.
        Array.Clear(_sent, 0, _sentCount);
        Array.Clear(_offered, 0, _offeredCount);
        _connection.TakeBack(this);
    }

    private static void Add(ref Segment[] segments, ref int count, Segment segment, int first)
    {
        count = Math.Max(count, first);
        if (count == segments.Length)
        {
            Array.Resize(ref segments, count * 2);
        }

        segments[count++] = segment;
    }
}

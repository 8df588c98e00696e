using Semitone.Abi;
using Semitone.Core;

namespace Semitone.NineP;

/// <summary>A connection to a server: tags, requests that are set aside, fids.</summary>
/// <remarks>
/// <para>All of it runs on the executor's thread; only <see cref="Request.OnReply"/> and <see cref="OnTransportFailed"/> may be called in
/// interrupt context.</para>
/// <para>A server that answers what cannot be an answer, or whose transport breaks, is dead from then on: who waits hears EIO, and so does
/// everybody who asks later.</para>
/// </remarks>
public sealed class Connection
{
    /// <summary>Requests that can be under way at once, besides those that flush others.</summary>
    public const int RequestCount = 30;

    /// <summary>Requests for Tflush alone: they must not wait for what they are to end.</summary>
    private const int ControlCount = 2;

    private readonly INinePTransport _transport;
    private readonly Request[] _requests = new Request[RequestCount + ControlCount];
    private readonly Queue<RentWait> _waits = new();
    private readonly Queue<Request> _unsent = new(RequestCount + ControlCount);
    private readonly Queue<Request> _toFlush = new();
    private readonly Stack<uint> _freeNumbers = new();
    private readonly FailureNotice _failure;
    private Request? _free;
    private Request? _freeControl;
    private Fid? _firstToClunk;
    private Fid? _lastToClunk;
    private uint _nextNumber;

    public Connection(Executor executor, INinePTransport transport)
    {
        Executor = executor;
        _transport = transport;
        _failure = new FailureNotice(this);
        MessageSize = transport.MaximumMessageSize;
        for (int i = _requests.Length - 1; i >= 0; i--)
        {
            _requests[i] = new Request(this, (ushort)i);
            Push(_requests[i]);
        }
    }

    /// <summary>The longest message that both sides take, in bytes; agreed on by Tversion.</summary>
    public int MessageSize { get; set; }

    /// <summary>The most pieces of one request with its answer.</summary>
    public int MaximumSegments => _transport.MaximumSegments;

    /// <summary>Whether the server is gone, or not to be trusted.</summary>
    public bool IsDead { get; private set; }

    /// <summary>Fids that the server knows.</summary>
    public int LiveFidCount { get; internal set; }

    /// <summary>Requests that are somebody's now.</summary>
    public int RentedCount { get; private set; }

    internal Executor Executor { get; }

    /// <summary>Gets a request; waits while all are under way.</summary>
    public ValueTask<Request> RentAsync(object? owner = null)
    {
        if (_free is { } request && _waits.Count == 0)
        {
            _free = request.NextFree;
            Begin(request, owner);
            return new(request);
        }

        RentWait wait = new(owner);
        _waits.Enqueue(wait);
        return new(wait, 0);
    }

    /// <summary>Makes a fid that no walk has led to a file yet.</summary>
    /// <returns>Null when the kernel's heap has no room for it (ENOMEM).</returns>
    public Fid? MakeFid()
    {
        if (!KernelHeap.HasRoom())
        {
            return null;
        }

        return new Fid(this, _freeNumbers.TryPop(out uint number) ? number : _nextNumber++);
    }

    /// <summary>Asks the server to forget all requests that are made for somebody and that change nothing: nobody waits any more.</summary>
    public void FlushAll(object owner)
    {
        foreach (Request request in _requests)
        {
            if (request.Owner == owner && request.IsInFlight && !request.IsBeingFlushed && !IsDead)
            {
                request.IsBeingFlushed = true;
                _toFlush.Enqueue(request);
            }
        }

        SendFlushes();
    }

    /// <summary>Takes note, also in interrupt context, that nothing goes through any more.</summary>
    [NonAllocating]
    public void OnTransportFailed() => Executor.Post(_failure);

    /// <summary>Gives the server up: EIO for everybody who waits, and for all who come.</summary>
    public void Fail()
    {
        if (IsDead)
        {
            return;
        }

        IsDead = true;
        _transport.Stop();
        _unsent.Clear();
        _toFlush.Clear();
        foreach (Request request in _requests)
        {
            request.End(Errno.EIO);
            if (request.IsBeingFlushed)
            {
                request.FinishFlush();
            }
        }

        while (_firstToClunk is { } fid)
        {
            _firstToClunk = fid.NextToClunk;
            fid.Forget();
        }

        _lastToClunk = null;
    }

    internal void Transmit(Request request)
    {
        if (IsDead)
        {
            request.End(Errno.EIO);
        }
        else if (_unsent.Count != 0 || !_transport.TrySend(request))
        {
            _unsent.Enqueue(request);
        }
    }

    /// <summary>An answer has come: there may be room for more.</summary>
    internal void SendMore()
    {
        while (_unsent.TryPeek(out Request? request) && !IsDead && _transport.TrySend(request))
        {
            _unsent.Dequeue();
        }
    }

    internal void TakeBack(Request request)
    {
        RentedCount--;
        Push(request);
        if (_toFlush.Count != 0)
        {
            SendFlushes();
        }

        while (_free is not null && _firstToClunk is { } fid)
        {
            _firstToClunk = fid.NextToClunk;
            _lastToClunk = _firstToClunk is null ? null : _lastToClunk;
            SendClunk(fid);
        }

        while (_free is { } free && _waits.TryDequeue(out RentWait? wait))
        {
            _free = free.NextFree;
            Begin(free, wait.Owner);
            wait.Complete(free, Executor);
        }
    }

    /// <summary>Nobody uses a fid any more.</summary>
    internal void Clunk(Fid fid)
    {
        if (IsDead)
        {
            fid.Forget();
        }
        else if (_free is not null)
        {
            SendClunk(fid);
        }
        else if (_lastToClunk is null)
        {
            _firstToClunk = fid;
            _lastToClunk = fid;
        }
        else
        {
            _lastToClunk.NextToClunk = fid;
            _lastToClunk = fid;
        }
    }

    internal void FreeNumber(Fid fid) => _freeNumbers.Push(fid.Number);

    private void SendClunk(Fid fid)
    {
        fid.NextToClunk = null;
        Request request = _free!;
        _free = request.NextFree;
        Begin(request, null);
        request.Clunked = fid;
        request.Send(Requests.OfFid(request.Output, MessageType.Tclunk, request.Tag, fid.Number));
    }

    private void SendFlushes()
    {
        while (_freeControl is { } control && _toFlush.TryDequeue(out Request? old))
        {
            _freeControl = control.NextFree;
            Begin(control, null);
            ValueTask task = FlushAsync(control, old);
            if (task.IsCompleted)
            {
                task.GetAwaiter().GetResult();
            }
        }
    }

    private async ValueTask FlushAsync(Request control, Request old)
    {
        await control.SendAsync(Requests.Flush(control.Output, control.Tag, old.Tag));
        if (!IsDead)
        {
            if (old.IsInFlight && (old.HasBuffersBack || _transport.TryForget(old)))
            {
                old.End(Errno.EINTR);
            }

            old.FinishFlush();
        }

        control.Return();
    }

    private void Begin(Request request, object? owner)
    {
        RentedCount++;
        request.Rent();
        request.Owner = owner;
    }

    private void Push(Request request)
    {
        ref Request? list = ref request.Tag >= RequestCount ? ref _freeControl : ref _free;
        request.NextFree = list;
        list = request;
    }

    /// <summary>Tells everybody that the transport is broken.</summary>
    private sealed class FailureNotice(Connection connection) : Runnable
    {
        protected override void Run() => connection.Fail();
    }
}

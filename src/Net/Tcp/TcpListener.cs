using System.Diagnostics.CodeAnalysis;

namespace Semitone.Net;

/// <summary>Who takes connections on a port (listen(2)): those that are half open, and those that wait for being accepted.</summary>
public sealed partial class TcpListener
{
    /// <summary>The most that a program may ask for (Linux: net.core.somaxconn).</summary>
    public const int LargestBacklog = 4096;

    private readonly TcpLayer _layer;
    private TcpSettings _settings;
    private TcpConnection? _firstAcceptable;
    private TcpConnection? _lastAcceptable;
    private SynRecord? _records;
    private int _backlog;
    private int _confirmedCount;
    private bool _isClosed;

    internal TcpListener(TcpLayer layer, TcpEndpoint local, in TcpListenerOptions options, in TcpSettings settings)
    {
        _layer = layer;
        Local = local;
        Options = options;
        _settings = settings;
        Backlog = options.Backlog;
    }

    public TcpEndpoint Local { get; }

    public TcpListenerOptions Options { get; }

    /// <summary>Who hears of connections.</summary>
    public ITcpListenerObserver? Observer { get; set; }

    /// <summary>What its connections begin with.</summary>
    public TcpSettings Settings
    {
        get => _settings;
        set => _settings = value;
    }

    /// <summary>How many may wait: one more than this, up to <see cref="LargestBacklog"/> (listen(2)).</summary>
    public int Backlog
    {
        get => _backlog;
        set => _backlog = Math.Clamp(value, 0, LargestBacklog);
    }

    /// <summary>Connections that wait for being accepted.</summary>
    public int AcceptableCount { get; private set; }

    /// <summary>Connections that are half open.</summary>
    public int HalfOpenCount { get; private set; }

    /// <summary>Whether connections can be accepted, as poll(2) tells it.</summary>
    public TcpReadiness Readiness => AcceptableCount > 0 ? TcpReadiness.In | TcpReadiness.ReadNormal : TcpReadiness.None;

    internal TcpListener? NextOnPort { get; set; }

    private bool IsFull => AcceptableCount > _backlog;

    /// <summary>Takes the connection that has waited the longest (accept(2)). It may have been reset meanwhile: its error tells.</summary>
    /// <remarks>In its place comes one that has confirmed when there was no room.</remarks>
    public bool TryAccept(long nowNs, [NotNullWhen(true)] out TcpConnection? connection)
    {
        connection = _firstAcceptable;
        if (connection is null)
        {
            return false;
        }

        _firstAcceptable = connection.NextAcceptable;
        if (_firstAcceptable is null)
        {
            _lastAcceptable = null;
        }

        connection.NextAcceptable = null;
        AcceptableCount--;
        if (_confirmedCount > 0 && !IsFull)
        {
            LetConfirmedIn(nowNs);
        }

        return true;
    }

    /// <summary>Ends it: those that wait are reset, and those that are half open are gone (RFC 9293, 3.10.4).</summary>
    public void Close(long nowNs)
    {
        if (_isClosed)
        {
            return;
        }

        _isClosed = true;
        Observer = null;
        _layer.RemoveListener(this);
        while (_records is { } record)
        {
            Drop(record);
        }

        while (TryAccept(nowNs, out TcpConnection? connection))
        {
            connection.Abort(nowNs);
        }
    }

    internal void Drop(SynRecord record)
    {
        if (record.Previous is null)
        {
            _records = record.Next;
        }
        else
        {
            record.Previous.Next = record.Next;
        }

        record.Next?.Previous = record.Previous;
        HalfOpenCount--;
        _confirmedCount -= record.Confirmation is null ? 0 : 1;
        _layer.Remove(record);
    }

    private void Add(SynRecord record)
    {
        record.Next = _records;
        _records?.Previous = record;
        _records = record;
        HalfOpenCount++;
        _layer.Add(record);
    }

    private void Enqueue(TcpConnection connection)
    {
        if (_lastAcceptable is null)
        {
            _firstAcceptable = connection;
        }
        else
        {
            _lastAcceptable.NextAcceptable = connection;
        }

        _lastAcceptable = connection;
        AcceptableCount++;
    }
}

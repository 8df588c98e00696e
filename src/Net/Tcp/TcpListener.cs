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
    private SynRecordList _halfOpen;
    private SynRecordList _waiting;
    private int _backlog;
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
        private set => _backlog = Math.Clamp(value, 0, LargestBacklog);
    }

    /// <summary>Connections that wait for being accepted.</summary>
    public int AcceptableCount { get; private set; }

    /// <summary>Connections that are half open, those too that were confirmed and found no room.</summary>
    public int HalfOpenCount => _halfOpen.Count + _waiting.Count;

    /// <summary>Whether connections can be accepted, as poll(2) tells it.</summary>
    public TcpReadiness Readiness => AcceptableCount > 0 ? TcpReadiness.In | TcpReadiness.ReadNormal : TcpReadiness.None;

    internal TcpListener? NextOnPort { get; set; }

    private bool IsFull => AcceptableCount > _backlog;

    /// <summary>
    /// Takes the connection that has waited the longest (accept(2)). It may have been reset meanwhile: its error tells. In the room that
    /// this makes, the next one is let in that was confirmed when there was none: nobody will send for it again.
    /// </summary>
    public bool TryAccept(long nowNs, [NotNullWhen(true)] out TcpConnection? connection)
    {
        if (!TryTake(out connection))
        {
            return false;
        }

        LetWaitingIn(nowNs);
        return true;
    }

    /// <summary>Changes <see cref="Backlog"/>, and lets in whom there is room for now.</summary>
    public void SetBacklog(int backlog, long nowNs)
    {
        Backlog = backlog;
        LetWaitingIn(nowNs);
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
        while ((_halfOpen.First ?? _waiting.First) is { } record)
        {
            Drop(record);
        }

        while (TryTake(out TcpConnection? connection))
        {
            connection.Abort(nowNs);
        }
    }

    internal void Drop(SynRecord record)
    {
        if (record.IsWaiting)
        {
            _waiting.Remove(record);
        }
        else
        {
            _halfOpen.Remove(record);
        }

        record.DropData();
        _layer.Remove(record);
    }

    private void Add(SynRecord record)
    {
        _halfOpen.Append(record);
        _layer.Add(record);
    }

    private bool TryTake([NotNullWhen(true)] out TcpConnection? connection)
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
        return true;
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

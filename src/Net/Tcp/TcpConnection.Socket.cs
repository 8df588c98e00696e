namespace Semitone.Net;

/// <content>What a socket calls. Times are nanoseconds on the stack's clock.</content>
public sealed partial class TcpConnection
{
    /// <summary>What can be done without waiting, as poll(2) tells it.</summary>
    public TcpReadiness Readiness
    {
        get
        {
            TcpReadiness mask = TcpReadiness.None;
            bool isReceiveShut = _isReceiveShut;
            if (_state == TcpState.Closed || (isReceiveShut && _isSendShut))
            {
                mask |= TcpReadiness.HangUp;
            }

            if (isReceiveShut)
            {
                mask |= TcpReadiness.In | TcpReadiness.ReadNormal | TcpReadiness.ReadHangUp;
            }

            if (_state is not (TcpState.SynSent or TcpState.SynReceived))
            {
                mask |= IsReadable ? TcpReadiness.In | TcpReadiness.ReadNormal : TcpReadiness.None;
                mask |= _isSendShut || HasRoomToWrite ? TcpReadiness.Out | TcpReadiness.WriteNormal : TcpReadiness.None;
                mask |= _receiver.IsUrgentReady ? TcpReadiness.Priority : TcpReadiness.None;
            }

            mask |= _error != NetworkError.None ? TcpReadiness.Error : TcpReadiness.None;
            if ((mask & TcpReadiness.Out) == 0 && _state != TcpState.SynSent)
            {
                _wasFull = true;
            }

            return mask;
        }
    }

    /// <summary>Why it has failed, until it is taken (SO_ERROR).</summary>
    public NetworkError PendingError => _error;

    /// <summary>Bytes that can be read, up to urgent ones (SIOCINQ).</summary>
    public int ReceivedCount => _receiver.ReadableCount;

    /// <summary>Whether the next byte to be read is the urgent one (SIOCATMARK).</summary>
    public bool IsAtMark => _receiver.IsAtMark;

    /// <summary>Bytes that were written and not acknowledged (SIOCOUTQ).</summary>
    public int SendQueueCount => _sender.Queue.Count;

    /// <summary>Bytes that were written and not sent (SIOCOUTQNSD).</summary>
    public int UnsentCount => _sender.UnsentCount;

    /// <summary>Whether a FIN is on its way and not acknowledged: what a lingering close(2) waits for the end of.</summary>
    public bool IsClosing => _state is TcpState.FinWait1 or TcpState.Closing or TcpState.LastAck;

    /// <summary>Whether nothing more will be read than what is here: the peer's FIN, or shutdown(2).</summary>
    public bool IsReceiveShut => _isReceiveShut;

    public bool IsSendShut => _isSendShut;

    private bool IsReadable
    {
        get
        {
            int target = Math.Max(Math.Min(_settings.ReceiveLowWater, _receiver.Buffer / 2), 1);
            if (_receiver.IsUrgentReady && _receiver.IsAtMark && !_settings.IsUrgentInline)
            {
                target++;
            }

            return _receiver.Count >= target;
        }
    }

    /// <summary>Room for at least half of what is queued, as on Linux: not a wake-up for each byte.</summary>
    private bool HasRoomToWrite
    {
        get
        {
            int queued = _sender.Queue.Count;
            bool isLow = _settings.NotSentLowWater == 0 || _sender.UnsentCount < _settings.NotSentLowWater;
            return _sendBuffer - queued >= queued / 2 && isLow;
        }
    }

    /// <summary>Takes the error that is pending (SO_ERROR).</summary>
    public NetworkError TakeError()
    {
        NetworkError error = _error;
        _error = NetworkError.None;
        return error;
    }

    /// <summary>Tells what a read meets (recv(2)); an error is taken by that.</summary>
    public TcpTransferState CheckReceive(out NetworkError error)
    {
        error = NetworkError.None;
        if (_receiver.Count > 0 && !_receiver.PeekToMark(0, false).IsEmpty)
        {
            return TcpTransferState.Ready;
        }

        if (_error != NetworkError.None)
        {
            error = TakeError();
            return TcpTransferState.Failed;
        }

        if (_isReceiveShut)
        {
            return TcpTransferState.EndOfStream;
        }

        if (_state == TcpState.Closed)
        {
            error = NetworkError.NotConnected;
            return TcpTransferState.Failed;
        }

        return TcpTransferState.Wait;
    }

    /// <summary>Gets bytes that can be read, in the piece in which they lie; none at the end, or where one must wait.</summary>
    /// <param name="offset">How many to pass over (MSG_PEEK).</param>
    /// <param name="stopAtMark">Whether to stop at urgent data: a read does that has bytes already.</param>
    public ReadOnlySpan<byte> PeekReceived(int offset = 0, bool stopAtMark = false) => _receiver.PeekToMark(offset, stopAtMark);

    /// <summary>Drops bytes that were read: the peer hears of the room.</summary>
    /// <param name="count">0 to what <see cref="PeekReceived"/> has given from the front.</param>
    /// <param name="nowNs">The time.</param>
    public void Consume(int count, long nowNs)
    {
        if (count == 0)
        {
            return;
        }

        _receiver.ConsumeToMark(count);
        _receiver.Tune(_sender.Rtt.SmoothedNs, nowNs);
        if (IsSynchronized && _receiver.IsWindowNews())
        {
            _receiver.AcknowledgeNow();
        }

        Settle(nowNs);
    }

    /// <summary>Reads the urgent byte (MSG_OOB).</summary>
    /// <param name="isPeek">Whether it stays.</param>
    /// <param name="value">The byte.</param>
    /// <returns>
    /// Ready; Wait where it was announced and has not come; EndOfStream where the peer has sent none before its end; Failed where there
    /// is none, or it is read with the others, or was read (EINVAL).
    /// </returns>
    public TcpTransferState ReceiveUrgent(bool isPeek, out byte value)
    {
        value = 0;
        if (_settings.IsUrgentInline || !_receiver.HasMark || _receiver.IsUrgentTaken)
        {
            return TcpTransferState.Failed;
        }

        if (!_receiver.IsUrgentReady)
        {
            return _isReceiveShut || _state == TcpState.Closed ? TcpTransferState.EndOfStream : TcpTransferState.Wait;
        }

        value = _receiver.TakeUrgent(isPeek);
        return TcpTransferState.Ready;
    }

    /// <summary>Tells what a write meets (send(2)); an error is taken by that. Failed with <see cref="NetworkError.Shutdown"/> is EPIPE.</summary>
    public TcpTransferState CheckSend(out NetworkError error)
    {
        error = TakeError();
        if (error != NetworkError.None)
        {
            return TcpTransferState.Failed;
        }

        if (_isSendShut || _state is TcpState.Closed)
        {
            error = NetworkError.Shutdown;
            return TcpTransferState.Failed;
        }

        if (_state is TcpState.SynSent or TcpState.SynReceived || FreeToWrite <= 0)
        {
            _wasFull = true;
            return TcpTransferState.Wait;
        }

        return TcpTransferState.Ready;
    }

    /// <summary>Gets room to write to. <see cref="CommitSend"/> follows, and at last <see cref="Push"/>.</summary>
    /// <param name="wanted">Bytes that are to be written: large writes get large pieces.</param>
    /// <returns>Not more than wanted; empty where the buffer is full, or there is no memory.</returns>
    public Span<byte> GetSendSpan(int wanted)
    {
        int room = Math.Min(wanted, FreeToWrite);
        if (room <= 0)
        {
            _wasFull = true;
            return [];
        }

        Span<byte> span = _sender.Queue.GetRoom(wanted);
        _wasFull |= span.IsEmpty;
        return span.Length > room ? span[..room] : span;
    }

    /// <summary>Adds bytes to what is to be sent that were written to the span.</summary>
    public void CommitSend(int count) => _sender.Queue.Commit(count);

    /// <summary>Sends what may be sent of it.</summary>
    /// <param name="hasMore">Whether more will be written at once (MSG_MORE).</param>
    /// <param name="isUrgent">Whether the last byte is urgent (MSG_OOB).</param>
    /// <param name="nowNs">The time.</param>
    public void Push(bool hasMore, bool isUrgent, long nowNs)
    {
        if (isUrgent)
        {
            _sender.MarkUrgent();
        }

        _sender.HasMore = hasMore;
        if (IsSynchronized)
        {
            _sender.Output(nowNs);
        }

        Settle(nowNs);
    }

    /// <summary>Shuts one way, or both (shutdown(2)).</summary>
    /// <returns><see cref="NetworkError.NotConnected"/> where there is no connection.</returns>
    public NetworkError Shutdown(bool receive, bool send, long nowNs)
    {
        if (_state == TcpState.Closed)
        {
            return NetworkError.NotConnected;
        }

        if (receive && !_isReceiveShut)
        {
            _isReceiveShut = true;
            _events |= TcpEvents.Readable | TcpEvents.HangUp;
        }

        if (send && !_isSendShut)
        {
            _isSendShut = true;
            _events |= TcpEvents.Writable | TcpEvents.HangUp;
            SendFin(nowNs);
        }

        Settle(nowNs);
        return NetworkError.None;
    }

    /// <summary>Gives it up (close(2)): what was written is still sent, unless the peer's data was not read. Nobody hears of it again.</summary>
    /// <remarks>
    /// A lingering close(2) shuts the way out first, waits for <see cref="TcpEvents.Drained"/>, and calls this. With a time of 0:
    /// <see cref="Abort"/>.
    /// </remarks>
    public void Close(long nowNs)
    {
        Observer = null;
        if (_isOrphan)
        {
            return;
        }

        if (_receiver.Count > 0 && IsSynchronized)
        {
            // The peer must know that its data was not read (RFC 9293, 3.6.1; RFC 2525, 2.17).
            _layer.Counters.Add(TcpCounter.TCPAbortOnClose);
            Abort(nowNs);
            return;
        }

        if (_state is TcpState.Closed or TcpState.SynSent)
        {
            Finish(NetworkError.None);
            _receiver.Clear();
            _sender.Clear();
            return;
        }

        if (!_layer.TryAddOrphan())
        {
            _layer.Counters.Add(TcpCounter.TCPAbortOnMemory);
            Abort(nowNs);
            return;
        }

        _isOrphan = true;
        _sender.IsOrphan = true;
        _isReceiveShut = true;
        if (!_isSendShut)
        {
            _isSendShut = true;
            SendFin(nowNs);
        }

        ArmFinWait2(nowNs);
        Settle(nowNs);
    }

    /// <summary>Ends it at once, with a RST where the peer may still send (SO_LINGER with 0; connect(2) to nowhere).</summary>
    public void Abort(long nowNs)
    {
        SendReset(nowNs);
        Finish(NetworkError.None);
        _receiver.Clear();
        Settle(nowNs);
    }

    private int FreeToWrite
    {
        get
        {
            int free = _sendBuffer - _sender.Queue.Count;
            return _settings.NotSentLowWater > 0 && _sender.UnsentCount >= _settings.NotSentLowWater ? 0 : free;
        }
    }

    /// <summary>Puts a FIN behind what was written, once there is a connection.</summary>
    private void SendFin(long nowNs)
    {
        switch (_state)
        {
            case TcpState.Established:
                _state = TcpState.FinWait1;
                break;
            case TcpState.CloseWait:
                _state = TcpState.LastAck;
                break;
            default:
                return;
        }

        _sender.QueueFin();
        _sender.Output(nowNs);
    }
}

using Semitone.Net;

namespace Semitone.Network.Tcp;

/// <summary>A program at one end: it writes a stream that anybody can check, and checks the one that it reads.</summary>
internal sealed class Application : ITcpObserver
{
    private readonly SimulatedNetwork _network;
    private readonly int _total;
    private readonly uint _sendPattern;
    private readonly uint _receivePattern;
    private bool _isShut;

    public Application(SimulatedNetwork network, TcpConnection connection, int total, uint sendPattern, uint receivePattern)
    {
        _network = network;
        _total = total;
        _sendPattern = sendPattern;
        _receivePattern = receivePattern;
        Connection = connection;
        connection.Observer = this;
    }

    public TcpConnection Connection { get; }

    public int Written { get; private set; }

    public int Read { get; private set; }

    public bool HasEnd { get; private set; }

    public NetworkError Error { get; private set; }

    public TcpEvents Events { get; private set; }

    /// <summary>The largest read or write at once.</summary>
    public int Piece { get; set; } = 100_000;

    /// <summary>How often it does not read although it could.</summary>
    public double Laziness { get; set; }

    public bool IsDone => Error != NetworkError.None || (HasEnd && _isShut);

    public static byte GetByte(uint pattern, int position)
    {
        uint x = (uint)position * 2654435761 ^ pattern;
        return (byte)(x ^ (x >> 13) ^ (x >> 24));
    }

    public void OnEvents(TcpConnection connection, TcpEvents events) => Events |= events;

    /// <summary>Does what it can.</summary>
    public void Work()
    {
        if (IsDone || Connection.State == TcpState.SynSent)
        {
            return;
        }

        WriteSome();
        if (Laziness == 0 || !_network.Random.Chance(Laziness))
        {
            ReadSome();
        }
    }

    private void WriteSome()
    {
        if (_isShut)
        {
            return;
        }

        TcpTransferState state = Connection.CheckSend(out NetworkError error);
        if (state == TcpTransferState.Failed)
        {
            Error = error;
            return;
        }

        int budget = _network.Random.Next(Piece) + 1;
        while (Written < _total && budget > 0)
        {
            Span<byte> span = Connection.GetSendSpan(Math.Min(_total - Written, budget));
            if (span.IsEmpty)
            {
                break;
            }

            for (int i = 0; i < span.Length; i++)
            {
                span[i] = GetByte(_sendPattern, Written + i);
            }

            Connection.CommitSend(span.Length);
            Written += span.Length;
            budget -= span.Length;
        }

        Connection.Push(false, false, _network.NowNs);
        if (Written == _total)
        {
            _isShut = true;
            Connection.Shutdown(false, true, _network.NowNs);
        }
    }

    private void ReadSome()
    {
        int budget = _network.Random.Next(Piece) + 1;
        while (budget > 0)
        {
            TcpTransferState state = Connection.CheckReceive(out NetworkError error);
            if (state != TcpTransferState.Ready)
            {
                HasEnd |= state == TcpTransferState.EndOfStream;
                Error = state == TcpTransferState.Failed ? error : Error;
                return;
            }

            ReadOnlySpan<byte> span = Connection.PeekReceived();
            span = span[..Math.Min(span.Length, budget)];
            for (int i = 0; i < span.Length; i++)
            {
                if (span[i] != GetByte(_receivePattern, Read + i))
                {
                    throw new InvalidOperationException($"Byte {Read + i} is not the one that was written.");
                }
            }

            Read += span.Length;
            budget -= span.Length;
            Connection.Consume(span.Length, _network.NowNs);
        }
    }
}

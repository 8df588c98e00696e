using Semitone.Abi;
using Semitone.Net;

namespace Semitone.Sockets;

/// <content>What a program may choose, and how the connection hears of it.</content>
public sealed partial class InetStreamSocket
{
    /// <summary>What was chosen; a connection and a listener are told at once.</summary>
    internal TcpSettings Settings
    {
        get => _settings;
        set
        {
            _settings = value;
            if (_listener is not null)
            {
                _listener.Settings = value;
            }

            if (_connection is not null)
            {
                _connection.Apply(value, NowNs);
                Network.Task.Settle();
            }
        }
    }

    internal override byte HopLimit
    {
        get => _settings.HopLimit;
        set => Settings = _settings with { HopLimit = value };
    }

    internal override byte TrafficClass
    {
        get => _settings.TrafficClass;
        set => Settings = _settings with { TrafficClass = value };
    }

    internal override int PathMtu =>
        _connection is { State: not (TcpState.Closed or TcpState.SynSent) } ? _connection.GetInfo(NowNs).PathMtu : 0;

    internal override Errno SetIpv6Only(bool isOn)
    {
        if (LocalPort != 0)
        {
            return Errno.EINVAL;
        }

        IsIpv6Only = isOn;
        return Errno.None;
    }

    internal override void OnOptionsChanged() =>
        Settings = _settings with
        {
            IsKeptAlive = HasOption(OptionFlags.KeepAlive),
            IsUrgentInline = HasOption(OptionFlags.OutOfBandInline),
            ReceiveLowWater = ReceiveLowMark,
        };

    private protected override void OnSendBufferChanged() => Settings = _settings with { SendBuffer = SendBufferSize };

    private protected override void OnReceiveBufferChanged() => Settings = _settings with { ReceiveBuffer = ReceiveBufferSize };

    protected internal override Errno TakeError() => _connection?.TakeError().ToErrno() ?? Errno.None;

    private protected override Errno FindOptions(SocketLevel level, out OptionTable? table)
    {
        table = level == SocketLevel.SOL_TCP ? TcpOptions.Table : null;
        return table is null ? base.FindOptions(level, out table) : Errno.None;
    }
}

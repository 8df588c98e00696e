using Semitone.Files;
using Semitone.Net;

namespace Semitone.Sockets;

/// <summary>What /proc/sys/net tells of the network (ip(7), tcp(7), socket(7)). Nothing of it can be changed there.</summary>
internal static class NetworkSettings
{
    private const long NsPerSecond = 1_000_000_000;

    /// <summary>Writes a setting; 0 for what is off.</summary>
    /// <param name="name">Its path in /proc/sys/net.</param>
    public static void Write(string name, TextBuilder text)
    {
        TcpLimits limits = new();
        TcpSettings settings = TcpSettings.Default;
        switch (name)
        {
            case "ipv4/ip_local_port_range":
                text.Append("32768\t60999"u8);
                break;
            case "ipv4/tcp_available_congestion_control":
                text.Append("reno cubic"u8);
                break;
            case "ipv4/tcp_congestion_control":
                text.Append(settings.Congestion == TcpCongestion.Reno ? "reno"u8 : "cubic"u8);
                break;
            case "ipv4/tcp_rmem":
                text.Append(4096L).Append('\t').Append((long)limits.ReceiveBuffer).Append('\t').Append((long)limits.LargestReceiveBuffer);
                break;
            case "ipv4/tcp_wmem":
                text.Append(4096L).Append('\t').Append((long)limits.SendBuffer).Append('\t').Append((long)limits.LargestSendBuffer);
                break;
            default:
                text.Append(name switch
                {
                    "core/rmem_default" or "core/wmem_default" => Socket.DefaultBufferSize,
                    "core/rmem_max" or "core/wmem_max" => Socket.MaximumBufferSize,
                    "core/somaxconn" => SocketSystem.MaximumBacklog,
                    "ipv4/ip_default_ttl" => 64,
                    "ipv4/ip_unprivileged_port_start" => InetSocket.FirstFreePort,
                    "ipv4/tcp_fin_timeout" => settings.FinWait2Ns / NsPerSecond,
                    "ipv4/tcp_keepalive_intvl" => settings.KeepIntervalNs / NsPerSecond,
                    "ipv4/tcp_keepalive_probes" => settings.KeepProbes,
                    "ipv4/tcp_keepalive_time" => settings.KeepIdleNs / NsPerSecond,
                    "ipv4/tcp_max_syn_backlog" => limits.HalfOpen,
                    "ipv4/tcp_max_tw_buckets" => limits.TimeWait,
                    "ipv4/tcp_syn_retries" => settings.SynRetries,
                    "ipv4/tcp_synack_retries" => 5,
                    "ipv4/tcp_sack" or "ipv4/tcp_syncookies" or "ipv4/tcp_timestamps" or "ipv4/tcp_window_scaling" => 1,

                    // ip_forward, tcp_ecn, tcp_fastopen.
                    _ => 0L,
                });
                break;
        }
    }
}

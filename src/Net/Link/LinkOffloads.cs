namespace Semitone.Net;

/// <summary>What a link takes off the stack's hands.</summary>
[Flags]
public enum LinkOffloads : byte
{
    None = 0,

    /// <summary>Completes the checksum of TCP and UDP of packets that are sent (VIRTIO_NET_F_CSUM).</summary>
    TransmitChecksum = 1 << 0,

    /// <summary>Cuts large TCP segments over IPv4 (VIRTIO_NET_F_HOST_TSO4).</summary>
    SegmentationIpv4 = 1 << 1,

    /// <summary>Cuts large TCP segments over IPv6 (VIRTIO_NET_F_HOST_TSO6).</summary>
    SegmentationIpv6 = 1 << 2,
}

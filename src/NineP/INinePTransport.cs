namespace Semitone.NineP;

/// <summary>What carries requests to a server and replies back: a virtio device, or a socket in tests.</summary>
/// <remarks>
/// Made for virtio-9p: a request and its reply are one chain of descriptors, so that whoever asks for data says where it is to go. What the
/// transport hands back (<see cref="Request.OnReply"/>, also in interrupt context) is not looked at there: the request posts itself to the
/// executor.
/// </remarks>
public interface INinePTransport
{
    /// <summary>The most pieces that a request and the room for its reply may have together; at least 4.</summary>
    int MaximumSegments { get; }

    /// <summary>The longest message, in bytes.</summary>
    int MaximumMessageSize { get; }

    /// <summary>Sends <see cref="Request.Sent"/>, for whose answer <see cref="Request.Offered"/> has room.</summary>
    /// <returns>
    /// False when there is no room for it now; it is sent again when an answer has come. A transport that is broken says true, and tells
    /// (<see cref="Connection.OnTransportFailed"/>).
    /// </returns>
    bool TrySend(Request request);

    /// <summary>Forgets a request that the server has agreed not to answer any more (Rflush).</summary>
    /// <returns>
    /// False when the server still has the request's buffers, as a device has a chain: it gives them back by a reply of whatever length,
    /// 0 included.
    /// </returns>
    bool TryForget(Request request);

    /// <summary>Ends the connection, for good: after this no buffer is read or written by anybody else, and no reply comes.</summary>
    void Stop();
}

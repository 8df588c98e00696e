namespace Semitone.Net;

/// <summary>What a connection is known by: its two ends (RFC 9293, 3.3.1).</summary>
public readonly record struct ConnectionKey(TcpEndpoint Local, TcpEndpoint Remote);

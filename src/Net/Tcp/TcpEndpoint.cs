namespace Semitone.Net;

/// <summary>An address with a port.</summary>
public readonly record struct TcpEndpoint(IpAddress Address, ushort Port);

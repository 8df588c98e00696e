namespace Semitone.Net;

/// <summary>A group that an endpoint listens to, on an interface.</summary>
internal readonly record struct GroupMembership(NetworkInterface Interface, IpAddress Group);

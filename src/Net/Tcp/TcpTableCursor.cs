namespace Semitone.Net;

/// <summary>Where a walk over the table of connections goes on.</summary>
public readonly record struct TcpTableCursor(int Bucket, int Index);

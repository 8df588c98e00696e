namespace Semitone.Net;

/// <summary>A protocol's knowledge of which of its ports are taken.</summary>
public interface IPortUse
{
    /// <summary>Whether an endpoint may have a port.</summary>
    /// <param name="port">1 to 65535.</param>
    /// <param name="request">What it is for.</param>
    bool IsPortFree(ushort port, in PortRequest request);
}

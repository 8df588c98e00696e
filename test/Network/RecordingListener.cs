using Semitone.Net;

namespace Semitone.Network;

/// <summary>Counts what an endpoint tells.</summary>
internal sealed class RecordingListener : IEndpointListener
{
    public int Count { get; private set; }

    public EndpointReadiness All { get; private set; }

    public void OnReady(EndpointReadiness readiness)
    {
        Count++;
        All |= readiness;
    }
}

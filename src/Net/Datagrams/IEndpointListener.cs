namespace Semitone.Net;

/// <summary>Who is told when an endpoint becomes ready: the socket over it.</summary>
/// <remarks>Called from within the stack, at each arrival: it wakes those who wait, and calls nothing of the stack.</remarks>
public interface IEndpointListener
{
    /// <summary>Something has come or become possible.</summary>
    /// <param name="readiness">What is new; the endpoint tells all of it.</param>
    void OnReady(EndpointReadiness readiness);
}

using System.Threading.Tasks.Sources;
using Semitone.Core;

namespace Semitone.NineP;

/// <summary>Somebody who waits for a request, while all are under way.</summary>
internal sealed class RentWait(object? owner) : Runnable, IValueTaskSource<Request>
{
    private Request? _request;
    private Action<object?>? _continuation;
    private object? _continuationState;

    public object? Owner { get; } = owner;

    /// <summary>Hands the request over, on the executor's next turn.</summary>
    public void Complete(Request request, Executor executor)
    {
        _request = request;
        executor.Post(this);
    }

    public ValueTaskSourceStatus GetStatus(short token) =>
        _request is null ? ValueTaskSourceStatus.Pending : ValueTaskSourceStatus.Succeeded;

    public Request GetResult(short token) => _request ?? throw new InvalidOperationException("The wait is not over.");

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        _continuationState = state;
        _continuation = continuation;
    }

    protected override void Run() => _continuation?.Invoke(_continuationState);
}

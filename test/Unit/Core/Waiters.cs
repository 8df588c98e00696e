using Semitone.Core;

namespace Semitone.Unit.Core;

/// <summary>Makes waiters where there is no lack of memory.</summary>
internal static class Waiters
{
    public static Waiter Create(Executor executor)
    {
        Assert.True(Waiter.TryCreate(executor, out Waiter? waiter));
        return waiter;
    }
}

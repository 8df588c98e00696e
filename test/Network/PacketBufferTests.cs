using Semitone.Net;

namespace Semitone.Network;

public sealed class PacketBufferTests
{
    [Fact]
    public void Release_Twice_IsABug()
    {
        PacketPool pool = new(2048, 1);
        Assert.True(pool.TryTake(out PacketBuffer? buffer));
        Assert.False(pool.TryTake(out _));
        buffer.Release();
        Assert.Throws<InvalidOperationException>(buffer.Release);
        Assert.True(pool.TryTake(out _));
    }
}

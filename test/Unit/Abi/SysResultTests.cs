using Semitone.Abi;

namespace Semitone.Unit.Abi;

public sealed class SysResultTests
{
    [Fact]
    public void Errno_BecomesNegativeNumber()
    {
        SysResult result = Errno.ENOENT;
        Assert.Equal(-2, result.Value);
        Assert.True(result.IsError);
        Assert.Equal(Errno.ENOENT, result.Error);
    }

    [Theory]
    [InlineData(-4096)]
    [InlineData(0)]
    [InlineData(long.MinValue)]
    public void Value_OutsideTheErrorRange_IsNoError(long value)
    {
        SysResult result = value;
        Assert.False(result.IsError);
        Assert.Equal(Errno.None, result.Error);
    }

    [Fact]
    public void ToSysResult_BytesMovedBeforeAnError_Win()
    {
        Assert.Equal(5, new IoResult(5, Errno.EFAULT).ToSysResult().Value);
        Assert.Equal(-14, new IoResult(0, Errno.EFAULT).ToSysResult().Value);
    }
}

using System.Text;
using Semitone.Abi;
using Semitone.Machine;
using Semitone.Memory;
using static Semitone.Unit.Memory.MemoryFixture;

namespace Semitone.Unit.Memory;

public sealed class UserMemoryTests : IDisposable
{
    private const ulong Origin = 0x1000_0000;

    private readonly MemoryFixture _fixture = new();
    private readonly UserMemory _memory;

    public UserMemoryTests()
    {
        _memory = _fixture.Memory;
        _fixture.MapAt(Origin, 4);
    }

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void ReadAndWrite_AcrossPagesThatAreNotThere_PageThemIn()
    {
        UserPtr<ulong> pointer = new(Origin + Page - 3);
        Assert.True(_memory.TryWrite(pointer, 0x1122_3344_5566_7788UL));
        Assert.True(_memory.TryRead(pointer, out ulong value));
        Assert.Equal(0x1122_3344_5566_7788UL, value);
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(Origin - 8)]
    [InlineData(Origin + (4 * Page))]
    [InlineData(Origin + (4 * Page) - 7)]
    [InlineData(Paging.UserEnd - 4)]
    [InlineData(Paging.UserEnd)]
    [InlineData(0x0000_8000_0000_0000)]
    [InlineData(0xFFFF_8000_0000_0000)]
    [InlineData(ulong.MaxValue)]
    [InlineData(ulong.MaxValue - 7)]
    public void BadAddress_Faults(ulong address)
    {
        Assert.False(_memory.TryRead(new UserPtr<ulong>(address), out ulong _));
        Assert.False(_memory.TryWrite(new UserPtr<ulong>(address), 1UL));
        ulong last = address > ulong.MaxValue - 7 ? address : address + 7;
        Assert.False(_memory.TryLoad(last & ~3UL, out _));
        Assert.Equal(Errno.EFAULT, _memory.ReadCString(new UserCString(last), new byte[300], out _));
    }

    [Fact]
    public void CopyOut_RunsIntoUnmappedPage_ReturnsShortCount()
    {
        Assert.Equal(10, _memory.CopyOut(Origin + (4 * Page) - 10, new byte[20]));
        Assert.Equal(10, _memory.CopyIn(Origin + (4 * Page) - 10, new byte[20]));
        Assert.Equal(10, _memory.Zero(Origin + (4 * Page) - 10, 3 * (long)Page));
    }

    [Fact]
    public void CopyOut_ToAReadOnlyPage_Stops()
    {
        _fixture.Space.Protect(Origin + Page, Page, PageAccess.Read);
        Assert.Equal((int)Page, _memory.CopyOut(Origin, new byte[2 * Page]));
        Assert.Equal(2 * (int)Page, _memory.CopyIn(Origin, new byte[2 * Page]));
    }

    [Fact]
    public void CopyOut_MemoryRunsOut_ReturnsShortCountAndTells()
    {
        int count = 0;
        _fixture.Space.WhenMemoryRunsOut = () => count++;
        _fixture.Machine.Frames.FailAfter = 2;
        Assert.Equal((int)Page, _memory.CopyOut(Origin, new byte[2 * Page]));
        Assert.Equal(1, count);
    }

    [Fact]
    public void CString_UpToTheEndOfMappedMemory_IsRead()
    {
        byte[] text = Encoding.ASCII.GetBytes(new string('a', 200) + "\0");
        ulong address = Origin + (4 * Page) - 201;
        _memory.CopyOut(address, text);
        byte[] buffer = new byte[4096];
        Assert.Equal(Errno.None, _memory.ReadCString(new UserCString(address), buffer, out int length));
        Assert.Equal(200, length);
        _memory.TryWrite(new UserPtr<byte>(address + 200), (byte)'b');
        Assert.Equal(Errno.EFAULT, _memory.ReadCString(new UserCString(address), buffer, out _));
    }

    [Fact]
    public void CString_AsLongAsTheBuffer_IsTooLong()
    {
        byte[] buffer = new byte[100];
        _memory.CopyOut(Origin, Encoding.ASCII.GetBytes(new string('a', 99) + "\0"));
        Assert.Equal(Errno.None, _memory.ReadCString(new UserCString(Origin), buffer, out int length));
        Assert.Equal(99, length);
        _memory.CopyOut(Origin, Encoding.ASCII.GetBytes(new string('a', 100) + "\0"));
        Assert.Equal(Errno.ENAMETOOLONG, _memory.ReadCString(new UserCString(Origin), buffer, out _));
    }

    [Fact]
    public void StringArray_IsReadWithinItsBudget()
    {
        _memory.CopyOut(Origin, "one\0three\0\0"u8);
        _memory.TryWrite(new UserPtr<ulong>(Origin + 64), Origin);
        _memory.TryWrite(new UserPtr<ulong>(Origin + 72), Origin + 4);
        _memory.TryWrite(new UserPtr<ulong>(Origin + 80), Origin + 10);
        _memory.TryWrite(new UserPtr<ulong>(Origin + 88), 0UL);
        long budget = 1000;
        Assert.Equal(Errno.None, _memory.ReadStringArray(new UserPtr<ulong>(Origin + 64), ref budget, out byte[][] strings));
        Assert.Equal(["one", "three", ""], strings.Select(Encoding.ASCII.GetString));
        Assert.Equal(1000 - 8 - (3 * 9), budget);
        budget = 20;
        Assert.Equal(Errno.E2BIG, _memory.ReadStringArray(new UserPtr<ulong>(Origin + 64), ref budget, out _));
        budget = 1000;
        _memory.TryWrite(new UserPtr<ulong>(Origin + 80), 1UL);
        Assert.Equal(Errno.EFAULT, _memory.ReadStringArray(new UserPtr<ulong>(Origin + 64), ref budget, out _));
        Assert.Equal(Errno.None, _memory.ReadStringArray(default, ref budget, out strings));
        Assert.Empty(strings);
    }

    [Fact]
    public void StringArray_LongStrings_AreReadInFull()
    {
        ulong area = _fixture.Map(64);
        byte[] text = new byte[UserMemory.MaxArgumentLength];
        Array.Fill(text, (byte)'x');
        text[^1] = 0;
        _memory.CopyOut(area, text);
        _memory.TryWrite(new UserPtr<ulong>(Origin), area);
        long budget = 1 << 20;
        Assert.Equal(Errno.None, _memory.ReadStringArray(new UserPtr<ulong>(Origin), ref budget, out byte[][] strings));
        Assert.Equal(text.AsSpan(0, text.Length - 1).ToArray(), strings[0]);
        _memory.TryWrite(new UserPtr<byte>(area + (ulong)text.Length - 1), (byte)'x');
        Assert.Equal(Errno.E2BIG, _memory.ReadStringArray(new UserPtr<ulong>(Origin), ref budget, out _));
    }

    [Fact]
    public void IoVec_Segments_AreFilledInOrder()
    {
        WriteVector((Origin + 0x100, 3), (0, 0), (Origin + 0x200, 4));
        UserSpan[]? segments = null;
        Assert.Equal(Errno.None, _memory.ImportIoVec(Origin, 3, ref segments, out IoCursor cursor));
        Assert.Equal(7, cursor.Remaining);
        Assert.Equal(5, cursor.Write([1, 2, 3, 4, 5]));
        Assert.Equal(2, cursor.Write([6, 7, 8]));
        Assert.Equal((0, 7), (cursor.Remaining, cursor.Moved));
        Assert.Equal(3, _fixture.Read(Origin + 0x102));
        Assert.Equal(7, _fixture.Read(Origin + 0x203));
        Assert.Equal(0, _fixture.Read(Origin + 0x204));
    }

    [Fact]
    public void IoVec_BadArguments_Fail()
    {
        UserSpan[]? segments = null;
        Assert.Equal(Errno.EINVAL, _memory.ImportIoVec(Origin, 1025, ref segments, out _));
        Assert.Equal(Errno.EFAULT, _memory.ImportIoVec(Origin + (4 * Page) - 8, 1, ref segments, out _));
        Assert.Equal(Errno.None, _memory.ImportIoVec(0, 0, ref segments, out IoCursor cursor));
        Assert.Equal(0, cursor.Write([1]));
        WriteVector((Origin, 1UL << 63));
        Assert.Equal(Errno.EINVAL, _memory.ImportIoVec(Origin, 1, ref segments, out _));
        WriteVector((Paging.UserEnd - 1, 2));
        Assert.Equal(Errno.EFAULT, _memory.ImportIoVec(Origin, 1, ref segments, out _));
        WriteVector((Origin, 0x7000_0000), (Origin, 0x7000_0000), (Origin, 5));
        Assert.Equal(Errno.None, _memory.ImportIoVec(Origin, 3, ref segments, out cursor));
        Assert.Equal(IoCursor.MaxTransfer, cursor.Remaining);
    }

    [Fact]
    public void Cursor_SegmentFaults_StopsAndTells()
    {
        WriteVector((Origin + 0x100, 3), (Origin + (4 * Page) - 2, 4), (Origin + 0x200, 4));
        UserSpan[]? segments = null;
        _memory.ImportIoVec(Origin, 3, ref segments, out IoCursor cursor);
        Assert.Equal(5, cursor.Write(new byte[11]));
        Assert.True(cursor.IsFaulted);
        Assert.Equal(0, cursor.Write([1]));
        Assert.Equal(new IoResult(5, Errno.EFAULT), cursor.ToResult());
    }

    [Fact]
    public void Cursor_LimitSkipAndZero_KeepCount()
    {
        IoCursor cursor = IoCursor.OverUser(_memory, Origin, 100);
        cursor.Write([9, 9, 9, 9, 9, 9]);
        cursor = IoCursor.OverUser(_memory, Origin, 100);
        cursor.Limit(5);
        cursor.Skip(1);
        Assert.Equal(2, cursor.Zero(2));
        Assert.Equal(2, cursor.Write([1, 2, 3]));
        Assert.Equal(5, cursor.Moved);
        byte[] seen = new byte[6];
        _memory.CopyIn(Origin, seen);
        Assert.Equal(new byte[] { 9, 0, 0, 1, 2, 9 }, seen);
    }

    [Fact]
    public void Cursor_OverKernelBuffer_MovesBothWays()
    {
        byte[] buffer = new byte[8];
        IoCursor cursor = IoCursor.OverKernel(buffer, 2, 4);
        Assert.Equal(4, cursor.Write([1, 2, 3, 4, 5]));
        Assert.Equal(new byte[] { 0, 0, 1, 2, 3, 4, 0, 0 }, buffer);
        cursor = IoCursor.OverKernel(buffer, 2, 4);
        byte[] read = new byte[3];
        Assert.Equal(3, cursor.Read(read));
        Assert.Equal(new byte[] { 1, 2, 3 }, read);
        Assert.Equal(1, cursor.Read(read));
    }

    [Fact]
    public void FutexWord_IsPagedInAndExchanged()
    {
        Assert.True(_memory.TryCompareExchange(Origin + 8, 0, 5, out uint observed));
        Assert.Equal(0U, observed);
        Assert.True(_memory.TryCompareExchange(Origin + 8, 0, 6, out observed));
        Assert.Equal(5U, observed);
        Assert.True(_memory.TryLoad(Origin + 8, out uint value));
        Assert.Equal(5U, value);
        Assert.False(_memory.TryLoad(Origin + 9, out _));
        _fixture.Space.Protect(Origin, Page, PageAccess.Read);
        Assert.False(_memory.TryCompareExchange(Origin + 8, 5, 6, out _));
    }

    private void WriteVector(params (ulong Address, ulong Length)[] segments)
    {
        for (int i = 0; i < segments.Length; i++)
        {
            Assert.True(_memory.TryWrite(
                new UserPtr<UserSpan>(Origin + (ulong)(i * 16)), new UserSpan(segments[i].Address, (nuint)segments[i].Length)));
        }
    }
}

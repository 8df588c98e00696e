using CsCheck;
using Semitone.Abi;
using Semitone.Files;
using Semitone.Memory;

namespace Semitone.Unit.Files;

public sealed class PipeTests
{
    private readonly FilesFixture _files = new();
    private readonly OpenFile _reader;
    private readonly OpenFile _writer;

    public PipeTests()
    {
        _files.Mounts.Anonymous.CreatePipe(OpenFlags.O_RDONLY, _files.Context.Credentials, out _reader, out _writer);
    }

    [Fact]
    public void Read_NothingThere_AnswersEagain() => Assert.Equal(Errno.EAGAIN, Read(1).Error);

    [Fact]
    public void Read_NobodyCanWrite_IsTheEnd()
    {
        FilesFixture.Write(_writer, "abc"u8);
        _writer.Release();

        Assert.Equal(PollEvents.POLLIN | PollEvents.POLLRDNORM | PollEvents.POLLHUP, _reader.Poll());
        Assert.Equal(3, Read(10).Bytes);
        Assert.Equal(new IoResult(0, Errno.None), Read(10));
    }

    [Fact]
    public void Write_NobodyCanRead_AnswersEpipe()
    {
        _reader.Release();

        Assert.Equal(Errno.EPIPE, FilesFixture.Write(_writer, "abc"u8).Error);
        Assert.True((_writer.Poll() & PollEvents.POLLERR) != 0);
    }

    [Fact]
    public void Write_UpToPipeBufThatDoesNotFit_WritesNothing()
    {
        Assert.Equal(65536 - 4000, FilesFixture.Write(_writer, new byte[65536 - 4000]).Bytes);

        Assert.Equal(new IoResult(0, Errno.EAGAIN), FilesFixture.Write(_writer, new byte[4001]));
        Assert.Equal(new IoResult(4000, Errno.EAGAIN), FilesFixture.Write(_writer, new byte[5000]));
        Assert.Equal(PollEvents.None, _writer.Poll());
    }

    [Fact]
    public void Transfers_AnySequence_KeepTheBytesInOrder() =>
        Gen.Select(Gen.Bool, Gen.Int[0, 30_000]).Array[1, 60].Sample(
            steps =>
            {
                FilesFixture files = new();
                files.Mounts.Anonymous.CreatePipe(OpenFlags.O_RDONLY, files.Context.Credentials, out OpenFile reader, out OpenFile writer);
                Queue<byte> expected = new();
                byte next = 0;
                foreach ((bool isWrite, int count) in steps)
                {
                    byte[] buffer = new byte[count];
                    IoCursor cursor = IoCursor.OverKernel(buffer);
                    if (isWrite)
                    {
                        for (int i = 0; i < count; i++)
                        {
                            buffer[i] = (byte)(next + i);
                        }
                        long written = writer.Write(ref cursor).Bytes;
                        next += (byte)written;
                        buffer.Take((int)written).ToList().ForEach(expected.Enqueue);
                    }
                    else
                    {
                        long read = reader.Read(ref cursor).Bytes;
                        Assert.Equal(Math.Min(count, expected.Count), read);
                        Assert.All(buffer.Take((int)read), value => Assert.Equal(expected.Dequeue(), value));
                    }
                }
                reader.Release();
                writer.Release();
                Assert.Equal(files.Machine.Frames.TotalCount, files.Machine.Frames.FreeCount);
            },
            iter: 100,
            threads: 1);

    [Fact]
    public void SetCapacity_WithBytesInside_KeepsThem()
    {
        Pipe pipe = ((OpenPipe)_reader).Pipe;
        FilesFixture.Write(_writer, new byte[60_000]);
        Assert.Equal(50_000, Read(50_000).Bytes);
        FilesFixture.Write(_writer, "hello"u8);

        Assert.Equal(Errno.EBUSY, pipe.SetCapacity(8192));
        Assert.Equal(Errno.None, pipe.SetCapacity(10_006));
        Assert.Equal(16384, pipe.Capacity);
        Assert.Equal(10_000, Read(10_000).Bytes);
        Assert.Equal("hello"u8.ToArray(), FilesFixture.Read(_reader, 10));
        Assert.Equal(Errno.EPERM, pipe.SetCapacity(2 << 20));
    }

    [Fact]
    public void MemoryRunsOut_WriteAnswersEnomem()
    {
        _files.Machine.Frames.FailAfter = 1;

        Assert.Equal(new IoResult(4096, Errno.ENOMEM), FilesFixture.Write(_writer, new byte[8192]));
    }

    [Fact]
    public void EventCounter_CountsAsEventfdDoes()
    {
        OpenFile counter = _files.Mounts.Anonymous.CreateEventCounter(3, isSemaphore: false, OpenFlags.O_RDONLY);

        Assert.Equal(BitConverter.GetBytes(3UL), FilesFixture.Read(counter, 8));
        Assert.Equal(PollEvents.POLLOUT | PollEvents.POLLWRNORM, counter.Poll());
        Assert.Equal(Errno.EINVAL, FilesFixture.Write(counter, BitConverter.GetBytes(ulong.MaxValue)).Error);
        Assert.Equal(8, FilesFixture.Write(counter, BitConverter.GetBytes(ulong.MaxValue - 1)).Bytes);
        Assert.Equal(Errno.EAGAIN, FilesFixture.Write(counter, BitConverter.GetBytes(1UL)).Error);
        Assert.Equal(Errno.EINVAL, FilesFixture.Write(counter, new byte[7]).Error);
        Assert.Equal(PollEvents.POLLIN | PollEvents.POLLRDNORM, counter.Poll());
    }

    [Fact]
    public void EventCounter_Semaphore_GivesOneAtATime()
    {
        OpenFile counter = _files.Mounts.Anonymous.CreateEventCounter(2, isSemaphore: true, OpenFlags.O_RDONLY);

        Assert.Equal(BitConverter.GetBytes(1UL), FilesFixture.Read(counter, 8));
        Assert.Equal(BitConverter.GetBytes(1UL), FilesFixture.Read(counter, 8));
        IoCursor cursor = IoCursor.OverKernel(new byte[8]);
        Assert.Equal(Errno.EAGAIN, counter.Read(ref cursor).Error);
    }

    private IoResult Read(int count)
    {
        IoCursor cursor = IoCursor.OverKernel(new byte[count]);
        return _reader.Read(ref cursor);
    }
}

using System.Text;
using Semitone.Cli.Machines;

namespace Semitone.Unit.Cli.Machines;

/// <summary>What a machine says comes out of its log as it went in, byte for byte.</summary>
public sealed class MachineLogTests : IDisposable
{
    private readonly TemporaryTree _tree = new();

    private string LogPath => _tree["/console.log"];

    public void Dispose() => _tree.Dispose();

    private static (string Output, string Errors) Collect(Action<LogReader.Taker> read)
    {
        StringBuilder output = new(), errors = new();
        read(record =>
        {
            string text = Encoding.Latin1.GetString(record.Text);
            (record.IsError ? errors : output).Append(text).Append(record.IsWhole ? "\n" : "");
        });
        return (output.ToString(), errors.ToString());
    }

    private (string Output, string Errors) ReadAll()
    {
        using LogReader reader = new(LogPath);
        reader.SeekStart();
        return Collect(take => reader.Read(take));
    }

    private string ReadLast(long lines)
    {
        using LogReader reader = new(LogPath);
        return Collect(take => reader.ReadLast(lines, take)).Output;
    }

    [Theory]
    [InlineData("")]
    [InlineData("a line\n")]
    [InlineData("no end")]
    [InlineData("\n\n\n")]
    [InlineData("one\ntwo\r\nthree")]
    [InlineData(" F P stdout \n")]
    public void Log_Text_ComesOutAsItWentIn(string text)
    {
        byte[] bytes = Encoding.Latin1.GetBytes(text);
        using (LogWriter writer = new(LogPath))
        {
            // All at once, and byte by byte.
            writer.Write(LogRecord.StandardOutput, bytes);
            foreach (byte value in bytes)
            {
                writer.Write(LogRecord.StandardError, [value]);
            }
        }

        Assert.Equal((text, text), ReadAll());
    }

    [Fact]
    public void Log_AnyBytes_ComeOutAsTheyWentIn()
    {
        Random random = new(5);
        byte[] bytes = new byte[200_000];
        random.NextBytes(bytes);
        using (LogWriter writer = new(LogPath))
        {
            for (int start = 0; start < bytes.Length; start += 9973)
            {
                writer.Write(LogRecord.StandardOutput, bytes.AsSpan(start, Math.Min(9973, bytes.Length - start)));
            }
        }

        Assert.Equal(Encoding.Latin1.GetString(bytes), ReadAll().Output);
    }

    [Theory]
    [InlineData(0, "")]
    [InlineData(1, "rest")]
    [InlineData(2, "c\nrest")]
    [InlineData(3, "b\nc\nrest")]
    [InlineData(100, "a\nb\nc\nrest")]
    public void ReadLast_Lines_CountOneThatIsNotFinished(long lines, string expected)
    {
        using (LogWriter writer = new(LogPath))
        {
            writer.Write(LogRecord.StandardOutput, "a\nb\n"u8);
            writer.Write(LogRecord.StandardOutput, "c"u8);
            writer.Write(LogRecord.StandardOutput, "\nre"u8);
            writer.Write(LogRecord.StandardOutput, "st"u8);
        }

        Assert.Equal(expected, ReadLast(lines));
    }

    /// <summary>A program that never stops talking does not fill the disk.</summary>
    [Fact]
    public void Write_LogHasGrownLarge_MakesRoomAndReadersLoseNothing()
    {
        const long Most = 20_000;
        using LogWriter writer = new(LogPath, Most);
        using LogReader follower = new(LogPath);
        StringBuilder seen = new(), said = new();
        for (int i = 0; i < 3000; i++)
        {
            said.Append($"line {i}\n");
            writer.Write(LogRecord.StandardOutput, Encoding.UTF8.GetBytes($"line {i}\n"));
            if (i % 100 == 0)
            {
                follower.Read(record => seen.Append(Encoding.UTF8.GetString(record.Text)).Append('\n'));
            }
        }

        follower.Read(record => seen.Append(Encoding.UTF8.GetString(record.Text)).Append('\n'));
        Assert.Equal(said.ToString(), seen.ToString());
        long kept = Directory.GetFiles(_tree.Root, "console.log*").Sum(file => new FileInfo(file).Length);
        Assert.InRange(kept, Most / 2, 2 * Most);
        Assert.EndsWith("line 2998\nline 2999\n", ReadAll().Output, StringComparison.Ordinal);
        Assert.Equal("line 2998\nline 2999\n", ReadLast(2));
    }

    /// <summary>The host lost power, or somebody wrote into the file: what is no record is passed over.</summary>
    [Fact]
    public void Read_DamagedLines_ArePassedOver()
    {
        using (LogWriter writer = new(LogPath))
        {
            writer.Write(LogRecord.StandardOutput, "good\n"u8);
        }

        File.AppendAllText(LogPath, "\0\0\0\n\nnonsense\n2026 stdout\n2026 stdout X y\n2026");
        using (LogWriter writer = new(LogPath))
        {
            writer.Write(LogRecord.StandardOutput, "\nbetter\n"u8);
        }

        Assert.StartsWith("good\n", ReadAll().Output, StringComparison.Ordinal);
        Assert.EndsWith("better\n", ReadAll().Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Write_DiskIsFull_LosesTheTextAndSaysSo()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "there is no /dev/full");
        using LogWriter writer = new("/dev/full");
        writer.Write(LogRecord.StandardOutput, "lost\n"u8);
        Assert.Equal(5, writer.LostBytes);
    }

    [Fact]
    public void Read_NoLogYet_IsNothing() => Assert.Equal(("", ""), ReadAll());
}

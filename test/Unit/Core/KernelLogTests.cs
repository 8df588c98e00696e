using System.Text;
using Semitone.Core;
using Semitone.Fakes;

namespace Semitone.Unit.Core;

public class KernelLogTests
{
    private readonly FakeConsole _console = new();
    private readonly FakeClock _clock = new() { MonotonicNs = 301_494_000 };

    [Fact]
    public void Write_Line_HasTimeAndLevel()
    {
        KernelLog log = new(_console, _clock) { ConsoleLevel = LogLevel.Info };
        log.Info($"{"hello"u8}[{1}]: read of 0x{0x10UL:x}");
        _clock.MonotonicNs = 123_456_789_012_345;
        log.Warning($"late");
        Assert.Equal("[    0.301494] Info: hello[1]: read of 0x10\n[123456.789012] Warn: late\n", _console.OutputText);
    }

    [Fact]
    public void Write_BelowTheConsoleLevel_GoesToTheRingOnly()
    {
        KernelLog log = new(_console, _clock);
        log.Info($"quiet");
        Assert.Equal(string.Empty, _console.OutputText);
        byte[] text = new byte[LogRing.MaximumText];
        LogPosition position = log.Records.First;
        Assert.True(log.Records.TryRead(ref position, text, out LogRecord record));
        Assert.Equal((0, 301_494, 6, "quiet"),
            (record.Sequence, record.TimeUs, record.Priority, Encoding.UTF8.GetString(text, 0, record.Length)));
        Assert.False(log.Records.TryRead(ref position, text, out _));
    }

    [Fact]
    public void Write_ControlCharactersAndTooLong_NeverGarblesOrBreaks()
    {
        KernelLog log = new(_console, _clock);
        log.Error($"{"\u001b[2J\n"u8}|{new byte[2000]}");
        string line = _console.OutputText;
        Assert.StartsWith("[    0.301494] ERR:  ?[2J?|???", line);
        Assert.Equal(1, line.Count(character => character == '\n'));
    }

    /// <summary>All of it was dropped once, and with it the stack of every panic.</summary>
    [Fact]
    public void Write_StringLongerThanALine_IsCutOff()
    {
        KernelLog log = new(_console, _clock);
        log.Error($"{new string('x', 5000)}");
        Assert.Matches("^\\[    0.301494\\] ERR:  x{400,520}\n$", _console.OutputText);
    }

    [Fact]
    public void WriteLines_TextOfSeveralLines_IsAMessageEach()
    {
        KernelLog log = new(_console, _clock);
        log.WriteLines(LogLevel.Critical, "one\r\n   at two\nthree");
        Assert.Equal("[    0.301494] CRIT: one\n[    0.301494] CRIT:    at two\n[    0.301494] CRIT: three\n", _console.OutputText);
    }

    [Fact]
    public void Write_TextWithControlCharacters_StaysOneLine()
    {
        KernelLog log = new(_console, _clock);
        string path = "/prog\n\u001b[2J";
        log.Error($"{path}: No such file or directory");
        Assert.EndsWith("ERR:  /prog??[2J: No such file or directory\n", _console.OutputText);
    }

    /// <summary>Records of all lengths, over several rounds of the ring: each reader sees the same, and never a torn one.</summary>
    [Fact]
    public void Records_RingGoesRound_OldestAreOverwrittenWhole()
    {
        KernelLog log = new(_console, _clock) { ConsoleLimit = 0 };
        byte[] text = new byte[LogRing.MaximumText];
        LogPosition slow = log.Records.First;
        LogPosition quick = slow;
        long lastOfSlow = -1;
        for (int i = 0; i < 3000; i++)
        {
            int length = i * 7919 % (LogRing.MaximumText + 1);
            log.WriteOfProgram(14, Enumerable.Repeat((byte)i, length).ToArray());
            Assert.True(log.Records.TryRead(ref quick, text, out LogRecord record));
            Assert.Equal((i, length), (record.Sequence, record.Length));
            Assert.Equal(-1, text.AsSpan(0, length).IndexOfAnyExcept((byte)i));
            Assert.False(log.Records.TryRead(ref quick, text, out _));
            if (i % 100 == 0)
            {
                Assert.True(log.Records.TryRead(ref slow, text, out record));
                Assert.True(record.Sequence > lastOfSlow);
                lastOfSlow = record.Sequence;
                Assert.Equal(record.Sequence * 7919 % (LogRing.MaximumText + 1), record.Length);
                Assert.Equal(-1, text.AsSpan(0, record.Length).IndexOfAnyExcept((byte)record.Sequence));
            }
        }

        Assert.Equal(3000, log.Records.End.Sequence);
        Assert.InRange(log.Records.First.Sequence, 2960, 2990);
    }
}

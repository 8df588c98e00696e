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
        byte[] ring = new byte[100];
        int length = log.ReadRing(ring);
        Assert.Equal("[    0.301494] Info: quiet\n", Encoding.UTF8.GetString(ring, 0, length));
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
}

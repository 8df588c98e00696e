using System.Text;
using Semitone.Cli.Benchmarks;

namespace Semitone.Unit.Cli;

public sealed class TickRateTests
{
    private const double TicksPerNs = 2.5;
    private const int Marks = 10;

    private readonly StringBuilder _output = new();
    private readonly List<(int End, double Ms)> _arrivals = [];

    [Theory]
    [InlineData(0)]
    [InlineData(1.3)]
    [InlineData(-0.1)]
    public void Find_GuestsClockIsWrong_TellsByHowMuchAndHasTheRightRate(double error)
    {
        Add(100, 1 + error);
        Add(8_000, 1 + error);
        TickRate rate = TickRate.Find(_output.ToString(), _arrivals)!;
        Assert.Equal(TicksPerNs, rate.TicksPerNs, 1e-6);
        Assert.Equal(error, rate.ClockError, 1e-6);
        Assert.Equal(error != 0, rate.IsClockWrong);
    }

    /// <summary>A busy host: at the start the first marks come late and in one piece, at the end the last ones.</summary>
    [Fact]
    public void Find_MarksThatWereHeldUp_DoNotCount()
    {
        Add(100, 1, i => i < 5 ? 10.2 - 2 * i : 0.1);
        Add(5_000, 1, i => i < 3 ? 0.1 : 300);
        TickRate rate = TickRate.Find(_output.ToString(), _arrivals)!;
        Assert.Equal(1, rate.TicksPerNs / TicksPerNs, 1e-5);
        Assert.False(rate.IsClockWrong);
    }

    [Theory]
    [InlineData("")]
    [InlineData("getppid\t12\ndone\n")]
    [InlineData("@ 1 2\n")]
    [InlineData("@ x y\n@ 1 2\n")]
    [InlineData("@ 99999999999999999999999 1\n@ 1 2\n")]
    public void Find_NoMarks_IsNothing(string output) => Assert.Null(TickRate.Find(output, [(output.Length, 1000)]));

    [Fact]
    public void Find_NoTimeBetweenTheMarks_IsNothing()
    {
        Add(100, 1);
        Add(200, 1);
        Assert.Null(TickRate.Find(_output.ToString(), _arrivals));
    }

    [Fact]
    public void Find_LinesInOnePiece_AreAsLateAsThePiece()
    {
        Add(100, 1);
        _arrivals.Clear();
        _arrivals.Add((_output.Length, 130));
        Add(9_000, 1);
        Assert.Equal(1, TickRate.Find(_output.ToString(), _arrivals)!.TicksPerNs / TicksPerNs, 3e-3);
    }

    /// <summary>Adds marks as bench.c writes them, 2 ms apart.</summary>
    private void Add(double startMs, double clockRate, Func<int, double>? delayMs = null)
    {
        for (int i = 0; i < Marks; i++)
        {
            double ms = startMs + i * 2;
            _output.Append($"@ {1_000_000 + (ulong)(ms * 1e6 * TicksPerNs)} {(ulong)(ms * 1e6 * clockRate)}\r\n");
            double arrival = ms + (delayMs?.Invoke(i) ?? 0);
            _arrivals.Add((_output.Length, arrival));
        }

        _output.Append("row\t1.0\r\n");
    }
}

using System.Diagnostics;
using System.Globalization;

namespace Semitone.Unit.Support;

/// <summary>The decisions of one run of a model: who does what next.</summary>
internal sealed class Choices
{
    private readonly IReadOnlyList<int> _prefix;
    private readonly Random? _random;
    private readonly List<(int Taken, int Count)> _made = [];

    /// <param name="prefix">The first decisions.</param>
    /// <param name="random">Makes those that follow; null for always the first possibility.</param>
    public Choices(IReadOnlyList<int> prefix, Random? random = null)
    {
        _prefix = prefix;
        _random = random;
    }

    public IReadOnlyList<(int Taken, int Count)> Made => _made;

    /// <summary>What was done, for a message.</summary>
    public List<string> Log { get; } = [];

    /// <summary>Chooses one of <paramref name="count"/> possibilities.</summary>
    public int Choose(int count)
    {
        int taken = _made.Count < _prefix.Count ? _prefix[_made.Count] : _random?.Next(count) ?? 0;
        Assert.InRange(taken, 0, count - 1);
        _made.Add((taken, count));
        return taken;
    }
}

/// <summary>Tries the orders in which things can happen: all of them up to a bound, or random ones, each of which a seed repeats.</summary>
/// <remarks>
/// A run is a function of its <see cref="Choices"/> alone, so that a failure is repeated by the decisions in its message:
/// SEMITONE_REPLAY="0,3,1". SEMITONE_EXPLORE_SECONDS lets each exploration run so long with seeds of its own.
/// </remarks>
internal static class Exploration
{
    /// <summary>Runs every order, depth first.</summary>
    /// <param name="maximumRuns">How many there may be: a test whose model grows beyond it fails, for it would no longer see them
    /// all.</param>
    public static void Exhaust(int maximumRuns, Action<Choices> run)
    {
        if (Replays(run))
        {
            return;
        }

        List<int> prefix = [];
        for (int count = 1; ; count++)
        {
            Assert.True(count <= maximumRuns, $"There are more than {maximumRuns} orders.");
            Choices choices = new(prefix);
            Run(choices, run);
            prefix = [.. choices.Made.Select(choice => choice.Taken)];
            while (prefix.Count > 0 && prefix[^1] + 1 == choices.Made[prefix.Count - 1].Count)
            {
                prefix.RemoveAt(prefix.Count - 1);
            }

            if (prefix.Count == 0)
            {
                Assert.True(count > maximumRuns / 20, $"There are only {count} orders: the bound says nothing.");
                return;
            }

            prefix[^1]++;
        }
    }

    /// <summary>Runs random orders.</summary>
    public static void Sample(int runs, Action<Choices> run)
    {
        if (Replays(run))
        {
            return;
        }

        for (int seed = 0; seed < runs; seed++)
        {
            Run(new Choices([], new Random(seed)), run);
        }

        string? wanted = Environment.GetEnvironmentVariable("SEMITONE_EXPLORE_SECONDS");
        if (double.TryParse(wanted, CultureInfo.InvariantCulture, out double seconds))
        {
            Stopwatch watch = Stopwatch.StartNew();
            while (watch.Elapsed.TotalSeconds < seconds)
            {
                Run(new Choices([], new Random(Random.Shared.Next())), run);
            }
        }
    }

    private static bool Replays(Action<Choices> run)
    {
        if (Environment.GetEnvironmentVariable("SEMITONE_REPLAY") is not { Length: > 0 } decisions)
        {
            return false;
        }

        Run(new Choices([.. decisions.Split(',').Select(number => int.Parse(number, CultureInfo.InvariantCulture))]), run);
        return true;
    }

    private static void Run(Choices choices, Action<Choices> run)
    {
        try
        {
            run(choices);
        }
        catch (Exception exception)
        {
            string decisions = string.Join(',', choices.Made.Select(choice => choice.Taken));
            string log = string.Join("; ", choices.Log);
            Assert.Fail($"{exception.Message}\nafter: {log}\nSEMITONE_REPLAY={decisions}\n{exception.StackTrace}");
        }
    }
}

namespace Semitone.Architecture;

/// <summary>The end of a test that looks for violations.</summary>
internal static class Verdict
{
    /// <summary>Fails with the whole list, one to a line.</summary>
    public static void None(IEnumerable<string> violations)
    {
        string list = string.Join('\n', violations);
        Assert.True(list.Length == 0, list);
    }
}

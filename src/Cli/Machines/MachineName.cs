using System.Security.Cryptography;

namespace Semitone.Cli.Machines;

/// <summary>Names of machines, which are names of folders too.</summary>
internal static class MachineName
{
    private const int Longest = 128;

    private static readonly string[] s_qualities =
    [
        "amber", "bold", "brisk", "calm", "clear", "clever", "copper", "cosy", "crisp", "early", "eager", "fair", "fleet", "gentle", "glad",
        "golden", "green", "happy", "keen", "kind", "light", "lively", "lucky", "mellow", "merry", "neat", "noble", "polite", "proud",
        "quick", "quiet", "rapid", "ready", "rosy", "sharp", "silver", "sleek", "snug", "steady", "sunny", "swift", "tidy", "true", "vivid",
        "warm", "wise", "witty", "young",
    ];

    private static readonly string[] s_things =
    [
        "alpaca", "badger", "beaver", "bison", "bream", "cat", "crane", "curlew", "deer", "dolphin", "duck", "eagle", "falcon", "ferret",
        "finch", "fox", "gecko", "goose", "hare", "hawk", "heron", "ibis", "jay", "kestrel", "kite", "lark", "linnet", "lynx", "magpie",
        "marten", "newt", "otter", "owl", "plover", "puffin", "quail", "raven", "robin", "seal", "stork", "swan", "tern", "thrush", "trout",
        "vole", "whale", "wren", "yak",
    ];

    /// <summary>Makes a name up; it may be taken.</summary>
    public static string Invent() => $"{Choose(s_qualities)}_{Choose(s_things)}{(RandomNumberGenerator.GetInt32(4) == 0
        ? RandomNumberGenerator.GetInt32(10, 100)
        : "")}";

    /// <summary>Tells whether a name can be one: as docker has them.</summary>
    public static bool IsValid(string name) => name.Length is > 0 and <= Longest && char.IsAsciiLetterOrDigit(name[0])
        && name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '_' or '.' or '-');

    private static string Choose(string[] words) => words[RandomNumberGenerator.GetInt32(words.Length)];
}

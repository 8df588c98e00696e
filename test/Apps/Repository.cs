using System.Reflection;

namespace Semitone.Apps;

/// <summary>Where things are.</summary>
internal static class Repository
{
    public static string Root { get; } =
        typeof(Repository).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(data => data.Key == "RepositoryRoot").Value!;

    /// <summary>The command under test.</summary>
    public static string Semitone { get; } = Path.Combine(Root, "out", "semitone");

    public static string Programs { get; } = Path.Combine(Root, "test", "Apps", "Programs");

    /// <summary>What is downloaded and compiled; kept between runs.</summary>
    public static string Cache { get; } = Path.Combine(Root, "out", "apps");
}

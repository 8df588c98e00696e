using System.Reflection;

namespace Semitone.Vm;

/// <summary>Where things are.</summary>
internal static class Repository
{
    public static string Root { get; } =
        typeof(Repository).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(data => data.Key == "RepositoryRoot").Value!;

    /// <summary>The image of test/Guest.</summary>
    public static string GuestTests => Find("semitone_guest-tests", "test/Guest");

    /// <summary>The kernel.</summary>
    public static string Kernel => Find("semitone_qemu-x86_64", "src/Kernel");

    /// <summary>The command.</summary>
    public static string Semitone => Find("semitone", "src/Cli");

    private static string Find(string image, string project)
    {
        string path = Path.Combine(Root, "out", image);
        Assert.True(File.Exists(path), $"there is no {path}: ./semitone test builds it, and so does dotnet publish -c Release {project}");
        return path;
    }
}

using System.Runtime.CompilerServices;

namespace Semitone.Unit.Support;

/// <summary>
/// A file in the repository that says what a test expects; rewritten when SEMITONE_UPDATE_GOLDEN is 1, and then reviewed as code.
/// </summary>
internal static class GoldenFile
{
    public static bool IsUpdating => Environment.GetEnvironmentVariable("SEMITONE_UPDATE_GOLDEN") == "1";

    /// <summary>Compares text with a file next to the calling test's source.</summary>
    public static void Verify(string actual, string fileName, [CallerFilePath] string testFile = "")
    {
        string path = PathNextTo(fileName, testFile);
        if (IsUpdating)
        {
            File.WriteAllText(path, actual);
            return;
        }

        Assert.True(File.Exists(path), $"{path} is missing: run the tests with SEMITONE_UPDATE_GOLDEN=1");
        Assert.Equal(File.ReadAllText(path), actual);
    }

    public static string[] ReadLines(string fileName, [CallerFilePath] string testFile = "") =>
        File.ReadAllLines(PathNextTo(fileName, testFile));

    public static string PathNextTo(string fileName, [CallerFilePath] string testFile = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(testFile)!, fileName));
}

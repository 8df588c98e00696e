namespace Semitone.Unit.Cli;

/// <summary>A folder for one test.</summary>
internal sealed class TemporaryTree : IDisposable
{
    public string Root { get; } = Directory.CreateTempSubdirectory("semitone-test-").FullName;

    public string this[string path] => Root + path;

    public TemporaryTree Add(string path, SyntheticElf elf) => Add(path, elf.Build());

    public TemporaryTree Add(string path, string text) => Add(path, System.Text.Encoding.UTF8.GetBytes(text));

    public TemporaryTree Add(string path, byte[] bytes)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Root + path)!);
        File.WriteAllBytes(Root + path, bytes);
        File.SetUnixFileMode(Root + path, (UnixFileMode)0x1ED);
        return this;
    }

    public TemporaryTree Link(string path, string target)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Root + path)!);
        File.CreateSymbolicLink(Root + path, target);
        return this;
    }

    public void Dispose()
    {
        // Not by .NET, which cannot name every file that a test makes.
        using System.Diagnostics.Process process = System.Diagnostics.Process.Start("/bin/rm", ["-rf", Root]);
        process.WaitForExit();
    }
}

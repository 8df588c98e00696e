using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace Semitone.Apps;

/// <summary>Test programs, compiled when they are first wanted and kept until source or flags change.</summary>
internal static class CompiledPrograms
{
    private static readonly ConcurrentDictionary<string, Lazy<string>> s_programs = new();

    /// <summary>Compiles a program.</summary>
    /// <param name="source">A file in the folder Programs.</param>
    /// <param name="compiler">Compiler and flags; <c>-o FILE SOURCE</c> is appended.</param>
    /// <returns>The program's path.</returns>
    public static string Get(string source, IReadOnlyList<string> compiler) =>
        s_programs.GetOrAdd(string.Join(' ', compiler) + " " + source, _ => new Lazy<string>(() => Compile(source, compiler))).Value;

    private static string Compile(string source, IReadOnlyList<string> compiler)
    {
        Assert.SkipUnless(Exists(compiler[0]), $"{compiler[0]} is not installed");
        string path = Path.Combine(Repository.Programs, source);
        byte[] sum = SHA256.HashData([.. File.ReadAllBytes(path), .. Encoding.UTF8.GetBytes(string.Join('\0', compiler))]);
        string program =
            Path.Combine(Repository.Cache, "bin", $"{Path.GetFileNameWithoutExtension(source)}-{Convert.ToHexStringLower(sum)[..12]}");
        if (File.Exists(program))
        {
            return program;
        }

        Directory.CreateDirectory(Path.GetDirectoryName(program)!);
        string unfinished = program + ".new";
        string[] environment =
        [
            $"PATH={Environment.GetEnvironmentVariable("PATH")}", "HOME=" + Environment.GetEnvironmentVariable("HOME"), "CGO_ENABLED=0",
            "GO111MODULE=off", $"GOCACHE={Repository.Cache}/go"
        ];
        ProgramRun run = ProgramRun.Of([.. compiler, "-o", unfinished, path], environment: environment);
        Assert.True(run.Status == 0, $"{string.Join(' ', compiler)} {source}: {run.Describe()}");
        File.Move(unfinished, program);
        return program;
    }

    private static bool Exists(string command) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, command)));
}

using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace Semitone.Apps;

/// <summary>Root file systems made of unpacked Debian packages, kept between runs.</summary>
internal static class DebianRoots
{
    /// <summary>Dependencies that the programs under test do without: they are for installing and configuring packages.</summary>
    private static readonly HashSet<string> s_leftOut =
        [
            "dpkg", "tar", "debconf", "cdebconf", "install-info", "media-types", "mailcap", "mime-support", "sensible-utils", "ucf",
            "libc-bin", "netbase", "tzdata", "readline-common", "debianutils"
        ];

    private static readonly ConcurrentDictionary<string, Lazy<string>> s_roots = new();
    private static readonly Lock s_aptLock = new();

    /// <summary>Gives a folder with the packages and what they depend on.</summary>
    public static string Get(IReadOnlyList<string> packages) =>
        s_roots.GetOrAdd(string.Join(' ', packages), _ => new Lazy<string>(() => Make(packages))).Value;

    private static string Make(IReadOnlyList<string> packages)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/apt-get"), "there is no apt-get to fetch Debian packages with");
        string name = $"{packages[0]}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join(' ', packages))))[..8]}";
        string root = Path.Combine(Repository.Cache, "roots", name);
        if (Directory.Exists(root))
        {
            return root;
        }

        string[] all = FindDependencies(packages);
        string unfinished = root + ".new";
        if (Directory.Exists(unfinished))
        {
            Directory.Delete(unfinished, recursive: true);
        }

        Directory.CreateDirectory(unfinished);
        foreach (string package in all)
        {
            Check(ProgramRun.Of(["dpkg-deb", "-x", Download(package), unfinished]), package);
        }

        // Natively an ordinary file does for it, and takes no right to make devices; our kernel mounts its own devices over it.
        Directory.CreateDirectory(Path.Combine(unfinished, "dev"));
        File.WriteAllBytes(Path.Combine(unfinished, "dev", "null"), []);
        Directory.CreateDirectory(Path.Combine(unfinished, "tmp"));
        File.WriteAllText(Path.Combine(unfinished, "tmp", "words"), "pear\napple\nfig\napple\nBanana\n10\n9\n");

        // Documentation only makes the archive larger.
        foreach (string folder in (string[])["usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info"])
        {
            string path = Path.Combine(unfinished, folder);
            if (Directory.Exists(path))
            {
                Directory.Delete(path, recursive: true);
            }
        }

        Directory.Move(unfinished, root);
        return root;
    }

    private static string[] FindDependencies(IReadOnlyList<string> packages)
    {
        ProgramRun run = ProgramRun.Of(
        [
            "apt-cache", "depends", "--recurse", "--no-recommends", "--no-suggests", "--no-conflicts", "--no-breaks", "--no-replaces",
            "--no-enhances", .. packages,
        ]);
        Check(run, packages[0]);

        // A package's own line starts in the first column; those of virtual packages have brackets. What is left out takes what only it
        // needs along, so walk the graph.
        Dictionary<string, List<string>> graph = [];
        List<string> current = [];
        foreach (string line in run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!char.IsWhiteSpace(line[0]))
            {
                graph[line] = current = [];
            }
            else if (line.Contains("Depends: ", StringComparison.Ordinal) && !line.Contains('<'))
            {
                current.Add(line[(line.IndexOf(": ", StringComparison.Ordinal) + 2)..]);
            }
        }

        List<string> found = [.. packages];
        for (int i = 0; i < found.Count; i++)
        {
            foreach (string dependency in graph.GetValueOrDefault(found[i], []))
            {
                if (!s_leftOut.Contains(dependency) && !found.Contains(dependency))
                {
                    found.Add(dependency);
                }
            }
        }

        return [.. found];
    }

    private static string Download(string package)
    {
        string folder = Path.Combine(Repository.Cache, "packages");
        Directory.CreateDirectory(folder);
        lock (s_aptLock)
        {
            string? Find() => Directory.GetFiles(folder, package + "_*.deb").FirstOrDefault();
            if (Find() is { } kept)
            {
                return kept;
            }

            Check(ProgramRun.Of(["apt-get", "download", "-q", package], folder: folder), package);
            return Find() ?? throw new InvalidOperationException($"apt-get download {package} left no file in {folder}");
        }
    }

    private static void Check(ProgramRun run, string package) => Assert.True(run.Status == 0, $"package {package}: {run.Describe()}");
}

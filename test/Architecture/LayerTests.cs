using System.Xml.Linq;

namespace Semitone.Architecture;

/// <summary>The import arrows: what each project may refer to.</summary>
public sealed class LayerTests
{
    /// <summary>
    /// Every project of the product with all that it may refer to. A new project is put in here, and in docs/architecture.md.
    /// </summary>
    private static readonly Dictionary<string, string[]> s_allowed = new()
    {
        ["Abi"] = [],
        ["Machine"] = [],
        ["HostLink"] = [],
        ["Net"] = [],
        ["Generators"] = [],
        ["Analyzers"] = [],
        ["Metal"] = [],
        ["Elf"] = ["Abi"],
        ["Cpio"] = ["Abi"],
        ["BootParameters"] = ["Abi"],
        ["Machine.X64"] = ["Abi", "Machine"],
        ["Core"] = ["Abi", "Machine"],
        ["Drivers"] = ["Abi", "Machine", "Core", "Net"],
        ["Memory"] = ["Abi", "Machine", "Core"],
        ["NineP"] = ["Abi", "Machine", "Core"],
        ["Files"] = ["Abi", "Machine", "HostLink", "Core", "Memory", "Cpio", "NineP"],
        ["Sockets"] = ["Abi", "Machine", "Core", "Memory", "Files", "Net"],
        ["Loader"] = ["Abi", "Machine", "Core", "Memory", "Elf"],
        ["Tasks"] = ["Abi", "Machine", "Core", "Memory", "Cpio", "Elf", "Files", "Sockets", "Loader"],
        ["Syscalls"] =
        [
            "Abi", "Machine", "Core", "Memory", "Cpio", "Elf", "Files", "Sockets", "Loader", "Tasks", "Generators",
        ],
        ["Kernel"] =
        [
            "Abi", "Machine", "Machine.X64", "Metal", "HostLink", "Elf", "Cpio", "BootParameters", "Core", "Drivers", "Memory", "NineP",
            "Files", "Net", "Sockets",
            "Loader", "Tasks", "Syscalls",
        ],
        ["Cli"] = ["Abi", "Elf", "Cpio", "BootParameters", "HostLink"],
    };

    [Fact]
    public void Projects_ReferOnlyToLayersBelow()
    {
        List<string> violations = [];
        foreach (string project in Repository.ProductProjects)
        {
            string name = Repository.NameOf(project);
            if (!s_allowed.TryGetValue(name, out string[]? allowed))
            {
                violations.Add($"{name} has no place among the layers");
                continue;
            }

            violations.AddRange(GetReferences(project).Except(allowed).Select(reference => $"{name} must not refer to {reference}"));
        }

        Verdict.None(violations);
    }

    [Fact]
    public void Layers_HaveNoCycle()
    {
        // The table itself: each project only names projects whose own list is shorter by at least itself.
        foreach ((string name, string[] references) in s_allowed)
        {
            Assert.All(references, reference => Assert.DoesNotContain(name, s_allowed[reference]));
        }
    }

    [Fact]
    public void Projects_NameEveryReferenceThemselves()
    {
        Assert.Contains(
            "<DisableTransitiveProjectReferences>true</DisableTransitiveProjectReferences>",
            Repository.Read("Directory.Build.props"),
            StringComparison.Ordinal);
        Assert.All(
            Repository.Projects,
            project => Assert.DoesNotContain("DisableTransitiveProjectReferences", Repository.Read(project), StringComparison.Ordinal));
    }

    [Fact]
    public void Tests_AreReferredToByNoProduct()
    {
        foreach (string project in Repository.ProductProjects)
        {
            Assert.DoesNotContain("test/", string.Join('\n', GetReferencePaths(project)), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Solution_HoldsEveryProject()
    {
        XDocument solution = XDocument.Parse(Repository.Read("Semitone.slnx"));
        IEnumerable<string> listed = solution.Descendants("Project").Select(project => project.Attribute("Path")!.Value.Replace('\\', '/'));
        Assert.Equal(Repository.Projects.Order(StringComparer.Ordinal), listed.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Packages_HaveTheirVersionInOnePlace() =>
        Assert.All(
            Repository.Projects,
            project => Assert.DoesNotContain(
                XDocument.Parse(Repository.Read(project)).Descendants("PackageReference"),
                package => package.Attribute("Version") is not null));

    private static IEnumerable<string> GetReferences(string project) => GetReferencePaths(project).Select(Repository.NameOf);

    private static IEnumerable<string> GetReferencePaths(string project) =>
        XDocument.Parse(Repository.Read(project))
            .Descendants("ProjectReference")
            .Select(reference => reference.Attribute("Include")!.Value.Replace('\\', '/'));
}

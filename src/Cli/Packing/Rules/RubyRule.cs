using System.Text.RegularExpressions;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Packing.Rules;

/// <summary>Ruby: the folders that its rbconfig.rb names.</summary>
internal sealed partial class RubyRule : PackingRule
{
    private static readonly string[] s_folders =
    [
        "rubylibdir", "rubyarchdir", "vendorlibdir", "vendorarchdir", "sitelibdir", "sitearchdir"
    ];

    public override string Name => "ruby";

    public override string? Apply(PackingContext context)
    {
        if (context.Find(name => ProgramName().IsMatch(name)) is not { } program || FindConfiguration(program) is not { } configuration)
        {
            return null;
        }

        context.NeedMemory(96 << 20);
        Dictionary<string, string> settings = Read(configuration, Path.GetDirectoryName(program.Folder) ?? "/");
        string[] packed = [.. s_folders.Select(name => Expand($"$({name})", settings, depth: 0))
            .Where(folder => folder.StartsWith('/') && HostFile.IsFolder(folder))
            .Distinct()];
        foreach (string folder in packed)
        {
            context.AddTree(folder, program);
        }

        string version = Expand("$(ruby_version)", settings, depth: 0);
        string prefix = Expand("$(rubylibprefix)", settings, depth: 0);
        string[] gems =
        [
            $"{prefix}/gems/{version}/specifications", $"{prefix}/gems/{version}/gems", $"/usr/share/rubygems-integration/{version}",
            "/usr/share/rubygems-integration/all"
        ];
        foreach (string folder in gems)
        {
            context.AddTree(folder, program, path => Path.GetFileName(path) is not ("test" or "spec" or "doc"));
        }

        AddRelative(context);
        return $"{string.Join(", ", packed)}, by {configuration}";
    }

    /// <summary>Packs what the script loads by a path relative to itself.</summary>
    private static void AddRelative(PackingContext context)
    {
        HashSet<string> seen = new(StringComparer.Ordinal);
        Stack<string> rest = new(context.Script is { } script ? [script] : []);
        while (rest.TryPop(out string? file))
        {
            foreach (Match match in RequireRelative().Matches(HostFile.ReadText(file)))
            {
                string path = HostFile.GetFullPath($"{Path.GetDirectoryName(file)}/{match.Groups[1].Value}");
                path = path.EndsWith(".rb", StringComparison.Ordinal) ? path : path + ".rb";
                if (seen.Add(path) && context.Add(path))
                {
                    rest.Push(path);
                }
            }
        }
    }

    private static string? FindConfiguration(PackedProgram program)
    {
        string prefix = Path.GetDirectoryName(program.Folder) ?? "";
        string version = new([.. program.FileName.Where(character => char.IsAsciiDigit(character) || character == '.')]);
        IEnumerable<string> libraries = (string[])[$"{prefix}/lib/ruby", .. PackingContext.List($"{prefix}/lib")
            .Where(name => name.Contains("linux", StringComparison.Ordinal))
            .Select(name => $"{prefix}/lib/{name}/ruby")];
        foreach (string versioned in libraries.SelectMany(folder => PackingContext.List(folder)
            .Where(name => name.StartsWith(version, StringComparison.Ordinal))
            .Reverse()
            .Select(name => $"{folder}/{name}")))
        {
            string? found = ((string[])[versioned, .. PackingContext.List(versioned)
                .Where(name => name.Contains("linux", StringComparison.Ordinal))
                .Select(name => $"{versioned}/{name}")])
                .Select(folder => $"{folder}/rbconfig.rb").FirstOrDefault(HostFile.Exists);
            if (found is not null)
            {
                return found;
            }
        }

        return null;
    }

    private static Dictionary<string, string> Read(string file, string prefix)
    {
        Dictionary<string, string> settings = new(StringComparer.Ordinal);
        foreach (Match match in Setting().Matches(HostFile.ReadText(file)))
        {
            settings[match.Groups[1].Value] = match.Groups[2].Value;
        }

        settings["prefix"] = prefix;
        settings["exec_prefix"] = prefix;
        return settings;
    }

    /// <summary>Puts the values of settings in the place of their names.</summary>
    private static string Expand(string text, Dictionary<string, string> settings, int depth) =>
        depth > 10 ? text : Reference().Replace(text, match => settings.TryGetValue(match.Groups[1].Value, out string? value)
            ? Expand(value, settings, depth + 1)
            : "");

    [GeneratedRegex(@"^ruby[\d.]*$")]
    private static partial Regex ProgramName();

    [GeneratedRegex(@"CONFIG\[""(\w+)""\]\s*=\s*(?:\([^""\n]*)?""([^""\n]*)""")]
    private static partial Regex Setting();

    [GeneratedRegex(@"\$\((\w+)\)")]
    private static partial Regex Reference();

    [GeneratedRegex(@"require_relative[ (]+['""]([^'""]+)['""]")]
    private static partial Regex RequireRelative();
}

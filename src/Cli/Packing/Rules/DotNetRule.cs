using System.Text.Json;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Packing.Rules;

/// <summary>
/// .NET: the folder of the application, the host (hostfxr) and the frameworks that its runtimeconfig.json names, and the libraries that the
/// runtime opens.
/// </summary>
internal sealed class DotNetRule : PackingRule
{
    private static readonly string[] s_roots = ["/usr/share/dotnet", "/usr/lib/dotnet", "/usr/lib64/dotnet", "/opt/dotnet"];

    /// <summary>
    /// Opened by the runtime's own libraries by name: OpenSSL, which does all cryptography, and what compresses HTTP and asks Kerberos is
    /// left out.
    /// </summary>
    private static readonly string[] s_opened = ["libssl.so.3", "libssl.so.1.1", "libcrypto.so.3", "libcrypto.so.1.1"];

    private static readonly string[] s_unicode = ["libicuuc.so", "libicui18n.so", "libicudata.so"];

    public override string Name => "dotnet";

    public override string? Apply(PackingContext context)
    {
        PackedProgram? muxer = context.Find(name => name == "dotnet");
        PackedProgram? launcher = muxer is null ? context.Programs.FirstOrDefault(program => HostFile.Exists(program.Resolved + ".dll")
            && HostFile.Exists(program.Resolved + ".runtimeconfig.json")) : null;
        string? application = muxer is null ? (launcher is null ? null : launcher.Resolved + ".dll") : context.Script;
        PackedProgram? program = muxer ?? launcher;
        if (program is null || application is null)
        {
            return null;
        }

        context.NeedMemory(256L << 20);
        string configuration = Path.ChangeExtension(application, ".runtimeconfig.json");
        RuntimeConfiguration settings = RuntimeConfiguration.Read(configuration);
        List<string> packed = [];
        if (HostFile.Exists(configuration))
        {
            // What a build or publish has put there belongs together; but the folder may be a home folder too, and hold anything.
            string folder = Path.GetDirectoryName(application)!.TrimEnd('/');
            context.AddTree(folder.Length == 0 ? "/" : folder, program, path => IsOfApplication(path, folder));
        }
        else
        {
            context.Add(application);
        }

        string? root = muxer is not null ? muxer.Folder : FindRoot(context);
        if (root is not null && settings.Frameworks.Count > 0)
        {
            AddFrameworks(context, program, root, settings, packed);
            if (muxer is null)
            {
                context.Environment.Add($"DOTNET_ROOT={root}");
            }
        }

        foreach (string library in s_opened)
        {
            context.AddLibrary(library, program);
        }

        // TimeZoneInfo.FindSystemTimeZoneById reads it.
        context.AddTree(TimeZoneRule.Database, program);

        if (!settings.IsInvariant && context.GetVariable("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT") is null)
        {
            AddUnicode(context, program);
        }

        return packed.Count == 0 ? Path.GetDirectoryName(application) : string.Join(", ", packed);
    }

    /// <summary>
    /// Tells whether a file or folder beside the application is part of it: its assemblies, libraries and settings, what it has for
    /// machines and languages, and a web's contents.
    /// </summary>
    private static bool IsOfApplication(string path, string folder)
    {
        if (Path.GetDirectoryName(path)!.TrimEnd('/') != folder)
        {
            return Path.GetExtension(path) is not (".pdb" or ".xml");
        }

        return HostFile.IsFolder(path)
            ? Path.GetFileName(path) is "runtimes" or "wwwroot"
                || PackingContext.List(path).Any(name => name.EndsWith(".resources.dll", StringComparison.Ordinal))
            : Path.GetExtension(path) is ".dll" or ".so" or ".json" or ".config" or ".dat" or ".exe" or "";
    }

    private static string? FindRoot(PackingContext context)
    {
        string installed = HostFile.ReadText("/etc/dotnet/install_location").Trim();
        return ((string?[])[context.GetVariable("DOTNET_ROOT"), HostEnvironment.Get("DOTNET_ROOT"), installed, .. s_roots]).FirstOrDefault(
            folder => !string.IsNullOrEmpty(folder) && HostFile.IsFolder($"{folder}/shared"));
    }

    private static void AddFrameworks(
        PackingContext context, PackedProgram program, string root, RuntimeConfiguration settings, List<string> packed)
    {
        if (Newest($"{root}/host/fxr") is { } host)
        {
            context.AddTree(host, program);
        }

        Queue<FrameworkReference> rest = new(settings.Frameworks);
        HashSet<string> seen = new(StringComparer.Ordinal);
        while (rest.TryDequeue(out FrameworkReference? framework))
        {
            if (!seen.Add(framework.Name) || framework.Find($"{root}/shared/{framework.Name}") is not { } folder)
            {
                continue;
            }

            // The tracer needs a library that hardly a host has.
            context.AddTree(folder, program, path => Path.GetFileName(path) is not "libcoreclrtraceprovider.so");
            packed.Add(folder);
            foreach (FrameworkReference lower in RuntimeConfiguration.Read($"{folder}/{framework.Name}.runtimeconfig.json").Frameworks)
            {
                rest.Enqueue(lower);
            }
        }
    }

    /// <summary>Packs ICU in the newest version that is there; the runtime looks for them all.</summary>
    private static void AddUnicode(PackingContext context, PackedProgram program)
    {
        string? folder = program.Finder.Objects.FirstOrDefault(item => item.SoName == "libc.so.6") is { } library
            ? Path.GetDirectoryName(library.Path)
            : null;
        IEnumerable<string> names = ((string?[])[folder, "/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"])
            .OfType<string>()
            .SelectMany(PackingContext.List);
        int newest = names.Where(name => name.StartsWith(s_unicode[0] + ".", StringComparison.Ordinal))
            .Select(name => int.TryParse(name[(s_unicode[0].Length + 1)..], out int version) ? version : 0).DefaultIfEmpty().Max();
        foreach (string name in newest == 0 ? [] : s_unicode)
        {
            context.AddLibrary($"{name}.{newest}", program);
        }
    }

    private static string? Newest(string folder) => PackingContext.List(folder)
        .Select(name => (Name: name, Version: FrameworkReference.Parse(name))).Where(item => item.Version is not null)
        .OrderByDescending(item => item.Version)
        .Select(item => $"{folder}/{item.Name}").FirstOrDefault();

    /// <summary>A framework that an application asks for.</summary>
    private sealed record FrameworkReference(string Name, string Version)
    {
        /// <summary>Parses a version; what stands behind a dash, as of previews, does not count.</summary>
        public static Version? Parse(string text) => System.Version.TryParse(text.Split('-')[0], out Version? version) ? version : null;

        /// <summary>
        /// Finds the version that the host takes when nothing else is set: the newest patch of the lowest minor version that is not below;
        /// else any that is not below.
        /// </summary>
        public string? Find(string folder)
        {
            Version wanted = Parse(Version) ?? new Version(0, 0);
            (string Name, Version Version)[] fitting = [.. PackingContext.List(folder).Select(name => (name, Parse(name)))
                .Where(item => item.Item2 is not null && item.Item2 >= wanted).Select(item => (item.name, item.Item2!))];
            string? name = fitting.OrderBy(item => item.Version.Major)
                .ThenBy(item => item.Version.Minor)
                .ThenByDescending(item => item.Version.Build)
                .Select(item => item.Name)
                .FirstOrDefault();
            return name is null ? null : $"{folder}/{name}";
        }
    }

    /// <summary>What a runtimeconfig.json says.</summary>
    private sealed record RuntimeConfiguration(IReadOnlyList<FrameworkReference> Frameworks, bool IsInvariant)
    {
        public static RuntimeConfiguration Read(string path)
        {
            List<FrameworkReference> frameworks = [];
            bool isInvariant = false;
            try
            {
                if (HostFile.TryReadAll(path, out byte[] content))
                {
                    using JsonDocument document = JsonDocument.Parse(
                        content, new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
                    if (TryGet(document.RootElement, "runtimeOptions", out JsonElement options))
                    {
                        AddFramework(options, "framework", frameworks);
                        if (TryGet(options, "frameworks", out JsonElement list) && list.ValueKind == JsonValueKind.Array)
                        {
                            frameworks.AddRange(list.EnumerateArray().Select(Convert).OfType<FrameworkReference>());
                        }

                        isInvariant = TryGet(options, "configProperties", out JsonElement properties)
                            && TryGet(properties, "System.Globalization.Invariant", out JsonElement invariant)
                            && invariant.ToString().Equals("true", StringComparison.OrdinalIgnoreCase);
                    }
                }
            }
            catch (JsonException)
            {
                // The host itself will say what is wrong with it.
            }

            return new RuntimeConfiguration(frameworks, isInvariant);
        }

        private static void AddFramework(JsonElement options, string name, List<FrameworkReference> frameworks)
        {
            if (TryGet(options, name, out JsonElement framework) && Convert(framework) is { } reference)
            {
                frameworks.Add(reference);
            }
        }

        private static FrameworkReference? Convert(JsonElement element) =>
            TryGet(element, "name", out JsonElement name)
                && TryGet(element, "version", out JsonElement version)
                && !name.ToString().Contains('/')
                ? new FrameworkReference(name.ToString(), version.ToString())
                : null;

        private static bool TryGet(JsonElement element, string name, out JsonElement value)
        {
            value = default;
            return element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out value);
        }
    }
}

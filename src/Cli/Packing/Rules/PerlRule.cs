using System.Text;
using System.Text.RegularExpressions;
using Semitone.Cli.Libraries;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Packing.Rules;

/// <summary>
/// Perl: the folders of @INC, which are compiled into it. Those of Perl itself are packed whole, of the others the modules that the script
/// uses.
/// </summary>
internal sealed partial class PerlRule : PackingRule
{
    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);

    public override string Name => "perl";

    public override string? Apply(PackingContext context)
    {
        if (context.Find(name => ProgramName().IsMatch(name)) is not { } program)
        {
            return null;
        }

        string[] folders = [.. program.Objects.SelectMany(FindFolders).Distinct()];

        // Perl's own have Config.pm (for this machine) or strict.pm (for all).
        string[] own = [.. folders.Where(folder => HostFile.Exists($"{folder}/Config.pm") || HostFile.Exists($"{folder}/strict.pm"))];
        foreach (string folder in own)
        {
            context.AddTree(folder, program, path => Path.GetExtension(path) is not (".pod" or ".h" or ".a")
                && Path.GetFileName(path) is not "CORE");
        }

        string[] others =
        [
            .. (context.GetVariable("PERL5LIB") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries),
            .. folders.Except(own)
        ];
        IEnumerable<string> flags = context.Arguments.Where(argument => argument.StartsWith("-I", StringComparison.Ordinal)
            && argument.Length > 2);
        others = [.. flags.Select(argument => HostFile.GetFullPath(argument[2..])), .. others];
        _seen.Clear();
        int found = 0;
        Queue<string> texts = [];
        if (context.Script is not null)
        {
            string script = HostFile.ReadText(context.Script);
            texts.Enqueue(script);
            string folder = Path.GetDirectoryName(context.Script)!;
            others = [.. FindLibraries(script, folder), .. others, folder, $"{folder}/lib", $"{Path.GetDirectoryName(folder)}/lib"];
        }

        foreach (string argument in context.Arguments)
        {
            texts.Enqueue(argument.StartsWith("-M", StringComparison.Ordinal) ? $"use {argument[2..].Split('=')[0]};" : argument);
        }

        while (texts.TryDequeue(out string? text))
        {
            found += Use().Matches(text).Sum(
                match => AddModule(context, program, match.Groups[1].Value.Replace("::", "/", StringComparison.Ordinal), others, texts));
        }

        return own.Length == 0 ? null : $"@INC: {string.Join(", ", own)}{(found > 0 ? $", and {found} modules that are used" : "")}";
    }

    /// <summary>
    /// Finds the folders that a script puts before those of @INC (lib(3perl)), relative ones below the working directory.
    /// </summary>
    /// <param name="folder">The script's, which it calls $FindBin::Bin.</param>
    internal static IEnumerable<string> FindLibraries(string script, string folder) =>
        from use in UseLib().Matches(script)
        from quoted in Quoted().Matches(use.Groups[1].Value)
        let list = quoted.Groups["words"]
        from word in list.Success ? list.Value.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) : [quoted.Groups["word"].Value]
        let path = OwnFolder().Replace(word, folder.Replace("$", "$$", StringComparison.Ordinal))
        where !path.Contains('$', StringComparison.Ordinal)
        select HostFile.GetFullPath(path);

    private int AddModule(PackingContext context, PackedProgram program, string module, string[] folders, Queue<string> texts)
    {
        if (!_seen.Add(module) || folders.FirstOrDefault(folder => HostFile.Exists($"{folder}/{module}.pm")) is not { } found)
        {
            return 0;
        }

        context.Add($"{found}/{module}.pm");
        texts.Enqueue(HostFile.ReadText($"{found}/{module}.pm"));
        foreach (string part in (string[])[$"{found}/{module}", .. folders.Select(folder => $"{folder}/auto/{module}")])
        {
            context.AddTree(part, program, path =>
            {
                if (path.EndsWith(".pm", StringComparison.Ordinal))
                {
                    texts.Enqueue(HostFile.ReadText(path));
                }

                return !path.EndsWith(".pod", StringComparison.Ordinal);
            });
        }

        return 1;
    }

    /// <summary>Finds the absolute paths in a file that have perl in them and are folders of this host.</summary>
    private static IEnumerable<string> FindFolders(ElfObject item)
    {
        if (!item.Names("/perl"u8) || !HostFile.TryReadAll(item.Path, out byte[] content))
        {
            return [];
        }

        return AbsolutePath().Matches(Encoding.Latin1.GetString(content)).SelectMany(match => match.Value.Split(':'))
            .Where(path => path.Contains("perl", StringComparison.Ordinal) && path.Length > 5 && HostFile.IsFolder(path));
    }

    [GeneratedRegex(@"^perl(5[\d.]*)?$")]
    private static partial Regex ProgramName();

    [GeneratedRegex(@"(?<=\0|:)/[\w./+:-]{3,300}(?=\0)")]
    private static partial Regex AbsolutePath();

    [GeneratedRegex(@"(?:^|[;{])\s*(?:use|require|no)\s+([A-Za-z_]\w*(?:::\w+)*)", RegexOptions.Multiline)]
    private static partial Regex Use();

    [GeneratedRegex(@"(?:^|[;{])\s*use\s+lib\s+([^;]+)", RegexOptions.Multiline)]
    private static partial Regex UseLib();

    [GeneratedRegex(
        @"""(?<word>[^""]+)""|'(?<word>[^']+)'|qw\s*(?:\((?<words>[^)]+)|\[(?<words>[^\]]+)|\{(?<words>[^}]+)|<(?<words>[^>]+))")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"\$\{?(?:FindBin::)?(?:Real)?Bin\b\}?")]
    private static partial Regex OwnFolder();
}

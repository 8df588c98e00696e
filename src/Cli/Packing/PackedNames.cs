using System.Diagnostics.CodeAnalysis;
using Semitone.Cpio;

namespace Semitone.Cli.Packing;

/// <summary>The names that an archive has so far, and what they stand for.</summary>
/// <remarks>Names are relative to the root, without a leading slash; the root itself is "".</remarks>
internal sealed class PackedNames
{
    private readonly Dictionary<string, PackedName> _names = new(StringComparer.Ordinal);

    public bool TryGet(string name, [NotNullWhen(true)] out PackedName? packed) => _names.TryGetValue(name, out packed);

    public void Set(string name, PackedName packed) => _names[name] = packed;

    /// <summary>Follows the symbolic links among the folders of a path, as the guest will: none of them leads out of the root.</summary>
    /// <param name="path">With or without slashes at its ends.</param>
    /// <param name="followLast">Whether a link that is the last component is followed too.</param>
    /// <param name="resolved">The name that the path comes to. What is not there yet counts as a folder.</param>
    /// <returns>False for a loop of links.</returns>
    public bool TryResolve(string path, bool followLast, out string resolved)
    {
        // As many as Linux follows before it says ELOOP.
        const int MaxLinks = 40;
        Stack<string> rest = new();
        Push(rest, path);
        resolved = "";
        int links = 0;
        while (rest.TryPop(out string? part))
        {
            if (part == "..")
            {
                resolved = GetParent(resolved);
                continue;
            }

            string current = resolved.Length == 0 ? part : $"{resolved}/{part}";
            if ((rest.Count == 0 && !followLast) || !TryGet(current, out PackedName? packed) || packed.Target is not { } target)
            {
                resolved = current;
                continue;
            }

            if (++links > MaxLinks)
            {
                return false;
            }

            Push(rest, target);
            resolved = target.StartsWith('/') ? "" : resolved;
        }

        return true;
    }

    /// <summary>Gives the folder that a name lies in; "" for the root, which lies in itself.</summary>
    public static string GetParent(string name) => name.Contains('/') ? name[..name.LastIndexOf('/')] : "";

    private static void Push(Stack<string> rest, string path)
    {
        string[] parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        for (int i = parts.Length - 1; i >= 0; i--)
        {
            if (parts[i] != ".")
            {
                rest.Push(parts[i]);
            }
        }
    }
}

/// <summary>What a name in an archive stands for.</summary>
internal sealed class PackedName
{
    public static readonly PackedName Other = new();

    public static readonly PackedName Folder = new() { IsFolder = true };

    /// <summary>A folder that nobody described: it is there because something lies in it.</summary>
    public static readonly PackedName ImplicitFolder = new() { IsFolder = true, IsImplicit = true };

    public bool IsFolder { get; private init; }

    public bool IsImplicit { get; private init; }

    /// <summary>A symbolic link's target; null for everything else.</summary>
    public string? Target { get; init; }

    /// <summary>A regular file; null for everything else.</summary>
    public CpioFile? File { get; init; }
}

using System.Globalization;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Running;

/// <summary>A folder of the host that the machine shares (9p): <c>HOST:GUEST[:ro|:rw]</c>, as docker and kraft write it.</summary>
/// <param name="Source">Absolute path on the host.</param>
/// <param name="Target">Absolute path in the guest.</param>
/// <param name="IsReadOnly">Whether QEMU lets nothing be written there.</param>
public sealed record Volume(string Source, string Target, bool IsReadOnly)
{
    /// <summary>Parses a flag's value.</summary>
    /// <exception cref="CommandFailedException">It is none, or there is no such folder.</exception>
    public static Volume Parse(string text)
    {
        string rest = text;
        bool isReadOnly = rest.EndsWith(":ro", StringComparison.Ordinal);
        rest = isReadOnly || rest.EndsWith(":rw", StringComparison.Ordinal) ? rest[..^3] : rest;
        int colon = rest.LastIndexOf(":/", StringComparison.Ordinal);
        if (colon <= 0)
        {
            throw Wrong($"'{text}' is not HOST:/path/in/the/guest[:ro]");
        }

        string source = HostFile.GetFullPath(rest[..colon]);
        string target = GuestPath.Check("--volume", rest[(colon + 1)..]);
        if (!FileStatus.TryFollow(source, out FileStatus status))
        {
            throw Wrong($"'{source}' is not there");
        }

        // Nothing but whole folders can be shared over 9p.
        return status.IsDirectory
            ? new Volume(source, target, isReadOnly)
            : throw Wrong($"'{source}' is no folder; --include packs a single file");
    }

    /// <summary>Makes the share of a folder that is to be the root.</summary>
    /// <exception cref="CommandFailedException">It is no folder.</exception>
    public static Volume OfRoot(string folder) =>
        HostFile.IsFolder(folder)
            ? new Volume(HostFile.GetFullPath(folder), "/", IsReadOnly: false)
            : throw new CommandFailedException(
                ExitStatus.Usage, $"--rootfs: {folder} is no folder; only folders can be shared (--rootfs-type 9pfs)");

    /// <summary>What the share is called between QEMU and the kernel.</summary>
    /// <param name="number">From 0 on.</param>
    public static string GetTag(int number) => string.Create(CultureInfo.InvariantCulture, $"fs{number}");

    /// <summary>The entry of <c>vfs.fstab</c> that mounts it.</summary>
    public string ToMountEntry(int number) => $"{GetTag(number)}:{Target}:9pfs:{(IsReadOnly ? "1" : "")}::mkmp";

    private static CommandFailedException Wrong(string problem) => new(ExitStatus.Usage, $"--volume: {problem}");
}

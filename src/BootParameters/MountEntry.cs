using System.Diagnostics.CodeAnalysis;

namespace Semitone.BootParameters;

/// <summary>One entry of <c>vfs.fstab</c>: <c>device:path:type[:flags[:options[:ukopts]]]</c>.</summary>
/// <param name="Device">Where the files come from: <c>initrd0</c>, or the tag of a 9p share.</param>
/// <param name="Path">Where they appear.</param>
/// <param name="Type">The file system: <c>extract</c>, <c>9pfs</c>, <c>ramfs</c>, <c>devfs</c>.</param>
/// <param name="Flags">The flags of mount(2) as a number; 0 when the entry has none.</param>
/// <param name="Options">The file system's own options.</param>
/// <param name="MakePath"><c>mkmp</c>: make the mount point when it is missing.</param>
/// <param name="OnlyIfInitrd"><c>ifinitrd0</c>: pass the entry over when there is no initrd.</param>
/// <param name="OnlyIfNoInitrd"><c>ifnoinitrd0</c>: pass the entry over when there is an initrd.</param>
public sealed record MountEntry(
    byte[] Device,
    byte[] Path,
    byte[] Type,
    ulong Flags,
    byte[] Options,
    bool MakePath,
    bool OnlyIfInitrd,
    bool OnlyIfNoInitrd)
{
    /// <summary>Reads an entry.</summary>
    /// <returns>False when a required field is missing, or the flags are no number.</returns>
    public static bool TryParse(ReadOnlySpan<byte> text, [NotNullWhen(true)] out MountEntry? entry)
    {
        entry = null;
        ReadOnlySpan<byte> rest = text;
        ReadOnlySpan<byte> device = Parameter.TakeField(ref rest);
        ReadOnlySpan<byte> path = Parameter.TakeField(ref rest);
        ReadOnlySpan<byte> type = Parameter.TakeField(ref rest);
        if (path.IsEmpty || type.IsEmpty)
        {
            return false;
        }

        ReadOnlySpan<byte> flagsField = Parameter.TakeField(ref rest);
        ulong flags = 0;
        if (!flagsField.IsEmpty && !Parameter.TryParseNumber(flagsField, out flags))
        {
            return false;
        }

        ReadOnlySpan<byte> options = Parameter.TakeField(ref rest);
        bool makePath = false;
        bool onlyIfInitrd = false;
        bool onlyIfNoInitrd = false;
        while (!rest.IsEmpty)
        {
            int comma = rest.IndexOf((byte)',');
            ReadOnlySpan<byte> option = comma < 0 ? rest : rest[..comma];
            rest = comma < 0 ? [] : rest[(comma + 1)..];
            makePath |= option.SequenceEqual("mkmp"u8);
            onlyIfInitrd |= option.SequenceEqual("ifinitrd0"u8);
            onlyIfNoInitrd |= option.SequenceEqual("ifnoinitrd0"u8);
        }

        entry = new MountEntry(
            device.ToArray(), path.ToArray(), type.ToArray(), flags, options.ToArray(), makePath, onlyIfInitrd, onlyIfNoInitrd);
        return true;
    }
}

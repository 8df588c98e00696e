using System.Buffers.Binary;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Libraries;

/// <summary>The dynamic linker's cache, /etc/ld.so.cache, which ldconfig(8) writes: library name to path.</summary>
/// <remarks>
/// Header: "glibc-ld.so.cache1.1", number of entries, size of the strings, a byte of flags (whose low two bits are 2 for little endian),
/// then at offset 32 the extension's offset; from 48 on the entries of 24 bytes: flags, name and path as offsets into the file, OS version,
/// hwcap. An older cache may stand before it ("ld.so-1.7.0"), padded to 8 bytes. Takes any bytes.
/// </remarks>
internal sealed class LinkerCache
{
    private const int HeaderSize = 48;
    private const int EntrySize = 24;
    private const int OldHeaderSize = 16;
    private const int OldEntrySize = 12;

    // ELF library of libc 6, for 64-bit x86.
    private const uint ExpectedFlags = 0x0303;

    private readonly Dictionary<string, List<string>> _paths = new(StringComparer.Ordinal);

    private LinkerCache()
    {
    }

    private static ReadOnlySpan<byte> Magic => "glibc-ld.so.cache1.1"u8;

    private static ReadOnlySpan<byte> OldMagic => "ld.so-1.7.0\0"u8;

    /// <summary>Reads a cache; an empty one where the file is missing or is none.</summary>
    public static LinkerCache Read(string path) => HostFile.TryReadAll(path, out byte[] content) ? Parse(content) : new LinkerCache();

    public static LinkerCache Parse(ReadOnlySpan<byte> file)
    {
        LinkerCache cache = new();
        if (file.StartsWith(OldMagic) && file.Length >= OldHeaderSize)
        {
            long skip = OldHeaderSize + (BinaryPrimitives.ReadUInt32LittleEndian(file[12..]) * (long)OldEntrySize);
            skip = (skip + 7) & ~7L;
            file = skip < file.Length ? file[(int)skip..] : [];
        }

        if (!file.StartsWith(Magic) || file.Length < HeaderSize)
        {
            return cache;
        }

        long count = Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(file[20..]), (file.Length - HeaderSize) / EntrySize);
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> entry = file[(HeaderSize + (i * EntrySize))..];
            if (BinaryPrimitives.ReadUInt32LittleEndian(entry) == ExpectedFlags
                && TryReadString(file, BinaryPrimitives.ReadUInt32LittleEndian(entry[4..]), out string name)
                && TryReadString(file, BinaryPrimitives.ReadUInt32LittleEndian(entry[8..]), out string path))
            {
                // Entries with a hwcap are variants for newer CPUs: after the plain one, as any CPU takes that.
                bool isVariant = BinaryPrimitives.ReadUInt64LittleEndian(entry[16..]) != 0;
                cache.Add(name, path, isVariant);
            }
        }

        return cache;
    }

    /// <summary>Gives the paths recorded for a library, the one for every CPU first.</summary>
    public IReadOnlyList<string> Find(string name) => _paths.TryGetValue(name, out List<string>? paths) ? paths : [];

    private void Add(string name, string path, bool isVariant)
    {
        if (!_paths.TryGetValue(name, out List<string>? paths))
        {
            _paths.Add(name, paths = []);
        }

        if (isVariant)
        {
            paths.Add(path);
        }
        else
        {
            paths.Insert(paths.FindLastIndex(other => !other.Contains("/glibc-hwcaps/", StringComparison.Ordinal)) + 1, path);
        }
    }

    private static bool TryReadString(ReadOnlySpan<byte> file, uint offset, out string text)
    {
        text = "";
        int end = offset < file.Length ? file[(int)offset..].IndexOf((byte)0) : -1;
        if (end < 0)
        {
            return false;
        }

        text = HostText.FromBytes(file.Slice((int)offset, end));
        return true;
    }
}

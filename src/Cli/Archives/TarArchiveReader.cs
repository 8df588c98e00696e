using System.Globalization;
using System.Text;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Archives;

/// <summary>Reads tar archives: of old Unix, POSIX (ustar, pax) and GNU (long names, files with holes).</summary>
/// <remarks>
/// Written here, as System.Formats.Tar decodes names (which need not be text), hands files with holes out as they lie in the archive, and
/// takes one that is cut off between two entries for whole.
/// </remarks>
internal sealed class TarArchiveReader(LookAheadStream archive) : IArchiveReader
{
    private const int BlockSize = TarHeader.BlockSize;

    /// <summary>
    /// No header that is no file is longer: names have 4 KiB, and a file has at most 64 KiB of attributes in each of a few name spaces.
    /// </summary>
    private const int LongestExtension = 1 << 20;

    private const int MostPieces = 1 << 20;

    private readonly PaxRecords _forAll = new();
    private EntryStream? _data;
    private int _padding;
    private bool _isFirst = true;

    public int LeftOutAttributes { get; private set; }

    /// <summary>Tells whether this may be such an archive.</summary>
    public static bool IsOne(ReadOnlySpan<byte> start) =>
        start.Length >= BlockSize ? new TarHeader(start[..BlockSize]).HasRightChecksum : start.Length > 262
            && start[257..].StartsWith("ustar"u8);

    public ArchiveEntry? Read()
    {
        _data?.Skip(_padding);
        _data = null;
        PaxRecords records = new();
        byte[]? longName = null;
        byte[]? longLink = null;
        bool isExtended = false;
        while (true)
        {
            ReadOnlySpan<byte> block = archive.Peek(BlockSize);
            if (block.IsEmpty || block.Length < BlockSize)
            {
                throw new ArchiveException(block.IsEmpty
                    ? "is cut off: the blocks of zeros at its end are missing"
                    : "is cut off inside a header");
            }

            if (!block.ContainsAnyExcept((byte)0))
            {
                return !isExtended && !_isFirst
                    ? null
                    : throw new ArchiveException(_isFirst ? "is empty" : "is cut off behind an extended header");
            }

            TarHeader header = new(block);
            if (!header.HasRightChecksum)
            {
                throw new ArchiveException("is damaged: the checksum of a header is wrong");
            }

            _isFirst = false;
            switch (header.Type)
            {
                case (byte)'L':
                    longName = ReadExtension(header);
                    break;
                case (byte)'K':
                    longLink = ReadExtension(header);
                    break;
                case (byte)'x' or (byte)'X':
                    records.Add(ReadExtension(header));
                    break;
                case (byte)'g':
                    _forAll.Add(ReadExtension(header));
                    continue;
                case (byte)'V':
                    // The name of the whole.
                    Begin(header.Size);
                    _data!.Skip(_padding);
                    continue;
                default:
                    return ReadEntry(header, records, longName, longLink);
            }

            isExtended = true;
        }
    }

    private ArchiveEntry ReadEntry(TarHeader header, PaxRecords records, byte[]? longName, byte[]? longLink)
    {
        string name = records.SparseName ?? records.Path ?? Decode(longName) ?? Join(header.Prefix, header.Name);
        if (name.Length == 0)
        {
            throw new ArchiveException("is damaged: an entry has no name");
        }

        ArchiveEntryKind kind = header.Type switch
        {
            0 or (byte)'0' or (byte)'7' => name.EndsWith('/') ? ArchiveEntryKind.Folder : ArchiveEntryKind.File,
            (byte)'S' => ArchiveEntryKind.File,
            (byte)'1' => ArchiveEntryKind.HardLink,
            (byte)'2' => ArchiveEntryKind.SymbolicLink,
            (byte)'3' => ArchiveEntryKind.CharacterDevice,
            (byte)'4' => ArchiveEntryKind.BlockDevice,
            (byte)'5' or (byte)'D' => ArchiveEntryKind.Folder,
            (byte)'6' => ArchiveEntryKind.Fifo,
            (byte)'M' => throw new ArchiveException($"is one of several volumes: {name} began in another"),
            _ => throw new ArchiveException($"has an entry of an unknown type: {name}"),
        };
        LeftOutAttributes += records.AttributeCount;
        ArchiveEntry entry = new()
        {
            Name = name,
            Kind = kind,
            Permissions = (uint)header.Mode & 0xFFF,
            Uid = ToId(records.Uid ?? _forAll.Uid ?? header.Uid, name),
            Gid = ToId(records.Gid ?? _forAll.Gid ?? header.Gid, name),
            ModifiedTime = (uint)Math.Clamp(records.ModifiedTime ?? _forAll.ModifiedTime ?? header.ModifiedTime, 0, uint.MaxValue),
            Target = records.LinkPath ?? Decode(longLink) ?? HostText.FromBytes(header.LinkName),
        };
        if (kind is ArchiveEntryKind.CharacterDevice or ArchiveEntryKind.BlockDevice)
        {
            entry = entry with { DeviceMajor = ToId(header.DeviceMajor, name), DeviceMinor = ToId(header.DeviceMinor, name) };
        }

        long size = records.Size ?? header.Size;
        bool hasOldMap = header.Type == (byte)'S';
        bool hasMore = hasOldMap && header.HasMoreSparseMap;
        long realSize = hasOldMap ? header.RealSize : records.SparseSize ?? 0;
        List<long> map = hasOldMap ? ReadOldMap(header.SparseMap) : [];

        // Old writers put a size with links and folders that no data follows.
        bool hasData = kind == ArchiveEntryKind.File || header.Type == (byte)'D';
        Begin(hasData ? size : 0);
        if (kind != ArchiveEntryKind.File)
        {
            return entry;
        }

        while (hasMore)
        {
            hasMore = ReadMoreOldMap(map);
        }

        return hasOldMap || records.SparseMap is not null || records.HasSparseMapInData
            ? ReadSparse(entry, records, map, hasOldMap, realSize)
            : entry with { Size = size, Data = _data };
    }

    private ArchiveEntry ReadSparse(ArchiveEntry entry, PaxRecords records, List<long> map, bool hasOldMap, long realSize)
    {
        IReadOnlyList<long> pieces = hasOldMap ? map : records.HasSparseMapInData ? ReadMapInData() : records.SparseMap!;
        return SparseStream.Check(pieces, realSize, entry.Name) == _data!.Left
            ? entry with { Size = realSize, Data = new SparseStream(_data, pieces, realSize) }
                : throw new ArchiveException($"is damaged: the map of holes of {entry.Name} is of another file");
    }

    /// <summary>Goes behind a header.</summary>
    private void Begin(long size)
    {
        archive.TrySkip(BlockSize);
        if (size is < 0 or > long.MaxValue - BlockSize)
        {
            throw new ArchiveException("is damaged: an entry has a size that nothing can have");
        }

        _data = new EntryStream(archive, size);
        _padding = (int)(-size & (BlockSize - 1));
    }

    private byte[] ReadExtension(TarHeader header)
    {
        long size = header.Size;
        if (size is < 0 or > LongestExtension)
        {
            throw new ArchiveException("is damaged: an extended header has a size that none has");
        }

        Begin(size);
        byte[] data = new byte[size];
        _data!.ReadExactly(data);
        _data.Skip(_padding);
        _data = null;
        return data;
    }

    private static List<long> ReadOldMap(ReadOnlySpan<byte> fields)
    {
        const int FieldSize = 12;
        List<long> map = [];
        for (; fields.Length >= 2 * FieldSize; fields = fields[(2 * FieldSize)..])
        {
            ReadOnlySpan<byte> offset = fields[..FieldSize];
            if (!offset.ContainsAnyExcept((byte)0))
            {
                break;
            }

            if (!TarHeader.TryReadNumber(offset, out long start)
                || !TarHeader.TryReadNumber(fields.Slice(FieldSize, FieldSize), out long length))
            {
                throw new ArchiveException("is damaged: a map of holes has something in the place of a number");
            }

            map.AddRange([start, length]);
        }

        return map;
    }

    /// <summary>Reads one block more of GNU's old form of a map.</summary>
    /// <returns>True when another follows.</returns>
    private bool ReadMoreOldMap(List<long> map)
    {
        const int PairsSize = 21 * 24;
        ReadOnlySpan<byte> block = archive.Peek(BlockSize);
        if (block.Length < BlockSize || map.Count > MostPieces)
        {
            throw new ArchiveException("is cut off inside a map of holes");
        }

        map.AddRange(ReadOldMap(block[..PairsSize]));
        bool hasMore = block[PairsSize] != 0;
        archive.TrySkip(BlockSize);
        return hasMore;
    }

    /// <summary>
    /// Reads the map that stands before the data: the number of pieces, then offset and length of each, a decimal number a line, filled to
    /// a whole block.
    /// </summary>
    private List<long> ReadMapInData()
    {
        long before = _data!.Left;
        long count = ReadLine();
        if (count > MostPieces)
        {
            throw new ArchiveException("is damaged: a map of holes is longer than any is");
        }

        List<long> map = [];
        for (long i = 0; i < 2 * count; i++)
        {
            map.Add(ReadLine());
        }

        int filler = (int)(-(before - _data.Left) & (BlockSize - 1));
        byte[] rest = new byte[filler];
        return _data.ReadAtLeast(rest, filler, throwOnEndOfStream: false) == filler
            ? map
            : throw new ArchiveException("is damaged: a map of holes is cut off");
    }

    private long ReadLine()
    {
        const int MostDigits = 20;
        StringBuilder digits = new();
        int value;
        while ((value = _data!.ReadByte()) is >= '0' and <= '9' && digits.Length < MostDigits)
        {
            digits.Append((char)value);
        }

        return value == '\n' && long.TryParse(digits.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number
            : throw new ArchiveException("is damaged: a map of holes has something in the place of a number");
    }

    private static uint ToId(long value, string name) =>
        value is >= 0 and < uint.MaxValue
            ? (uint)value
            : throw new ArchiveException($"is damaged: {name} has an owner or device number that none has");

    private static string? Decode(byte[]? text) => text is null ? null : HostText.FromBytes(text.AsSpan().TrimEnd((byte)0));

    private static string Join(ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> name) =>
        prefix.IsEmpty ? HostText.FromBytes(name) : HostText.FromBytes([.. prefix, (byte)'/', .. name]);
}

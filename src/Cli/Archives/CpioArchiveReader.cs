using System.Globalization;
using System.Text;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Archives;

/// <summary>Reads cpio archives in newc format (cpio(5)), one after another where several follow.</summary>
internal sealed class CpioArchiveReader(LookAheadStream archive) : IArchiveReader
{
    private const int HeaderSize = 110;
    private const int MagicSize = 6;
    private const int FieldSize = 8;
    private const int LongestName = 4096;
    private const int LongestTarget = 4096;

    /// <summary>Names that came without data: it stands with another name of the same file.</summary>
    private readonly Dictionary<FileKey, List<ArchiveEntry>> _waiting = [];

    /// <summary>The files whose data came, by the name that it came with.</summary>
    private readonly Dictionary<FileKey, string> _complete = [];

    private readonly Queue<ArchiveEntry> _ready = [];
    private EntryStream? _data;
    private int _padding;

    public int LeftOutAttributes => 0;

    /// <summary>Tells whether this may be such an archive.</summary>
    public static bool IsOne(ReadOnlySpan<byte> start) => start.StartsWith("070701"u8) || start.StartsWith("070702"u8);

    /// <summary>Tells whether this is an archive of one of the formats that nobody uses for a root file system.</summary>
    public static bool IsOldOne(ReadOnlySpan<byte> start) => start.StartsWith("070707"u8)
        || start.StartsWith<byte>([0xC7, 0x71])
        || start.StartsWith<byte>([0x71, 0xC7]);

    public ArchiveEntry? Read()
    {
        _data?.Skip(_padding);
        _data = null;
        while (true)
        {
            if (_ready.TryDequeue(out ArchiveEntry? ready))
            {
                return ready;
            }

            Header header = ReadHeader();
            if (header.Name == "TRAILER!!!" && header.Size == 0)
            {
                FinishArchive();
                archive.SkipZeros();
                if (_ready.Count > 0)
                {
                    continue;
                }

                if (!IsOne(archive.Peek(MagicSize)))
                {
                    return null;
                }
            }
            else if (Convert(header) is { } entry)
            {
                return entry;
            }
        }
    }

    private ArchiveEntry? Convert(Header header)
    {
        ArchiveEntry entry = new()
        {
            Name = header.Name,
            Kind = (header.Mode & 0xF000) switch
            {
                0x8000 => ArchiveEntryKind.File,
                0x4000 => ArchiveEntryKind.Folder,
                0xA000 => ArchiveEntryKind.SymbolicLink,
                0x1000 => ArchiveEntryKind.Fifo,
                0x2000 => ArchiveEntryKind.CharacterDevice,
                0x6000 => ArchiveEntryKind.BlockDevice,
                // A socket: nothing could be behind it.
                0xC000 => ArchiveEntryKind.Fifo,
                _ => throw new ArchiveException($"has an entry of an unknown type: {header.Name}"),
            },
            Permissions = header.Mode & 0xFFF,
            Uid = header.Uid,
            Gid = header.Gid,
            ModifiedTime = header.ModifiedTime,
            DeviceMajor = header.TargetMajor,
            DeviceMinor = header.TargetMinor,
        };
        _data = new EntryStream(archive, header.Size);
        _padding = (int)(-(long)header.Size & 3);
        if (entry.Kind == ArchiveEntryKind.File)
        {
            return ConvertFile(header, entry);
        }

        if (entry.Kind == ArchiveEntryKind.SymbolicLink)
        {
            if (header.Size > LongestTarget)
            {
                throw new ArchiveException($"has a symbolic link without a proper target: {header.Name}");
            }

            byte[] target = new byte[header.Size];
            _data.ReadExactly(target);
            entry = entry with { Target = HostText.FromBytes(target.AsSpan().TrimEnd((byte)0)) };
        }

        _data.Skip(_padding);
        _data = null;
        return (header.Mode & 0xF000) == 0xC000 ? null : entry;
    }

    private ArchiveEntry? ConvertFile(Header header, ArchiveEntry entry)
    {
        entry = entry with { Size = header.Size, Data = _data };
        if (header.Links <= 1)
        {
            return entry;
        }

        FileKey key = new(header.DeviceMajor, header.DeviceMinor, header.Inode);
        if (_complete.TryGetValue(key, out string? first) && first != header.Name)
        {
            // Some writers put the data with every name.
            return entry with { Kind = ArchiveEntryKind.HardLink, Target = first, Size = 0, Data = null };
        }

        if (header.Size == 0)
        {
            if (!_waiting.TryGetValue(key, out List<ArchiveEntry>? names))
            {
                _waiting.Add(key, names = []);
            }

            names.Add(entry with { Data = null });
            return null;
        }

        Complete(key, entry);
        return entry;
    }

    /// <summary>The data of a file has come: the names that waited for it follow.</summary>
    private void Complete(FileKey key, ArchiveEntry entry)
    {
        _complete[key] = entry.Name;
        if (_waiting.Remove(key, out List<ArchiveEntry>? names))
        {
            foreach (ArchiveEntry name in names)
            {
                _ready.Enqueue(name with { Kind = ArchiveEntryKind.HardLink, Target = entry.Name });
            }
        }
    }

    /// <summary>What still waits at the end is empty files.</summary>
    private void FinishArchive()
    {
        foreach ((FileKey key, List<ArchiveEntry> names) in _waiting.ToArray())
        {
            ArchiveEntry first = names[0];
            names.RemoveAt(0);
            _ready.Enqueue(first);
            Complete(key, first);
        }

        _complete.Clear();
    }

    private Header ReadHeader()
    {
        ReadOnlySpan<byte> bytes = archive.Peek(HeaderSize);
        if (bytes.IsEmpty)
        {
            throw new ArchiveException("is cut off: its last entry (TRAILER!!!) is missing");
        }

        bool isCutOff = bytes.Length < HeaderSize;
        if (!IsOne(bytes))
        {
            throw new ArchiveException(isCutOff && "070701"u8.StartsWith(bytes)
                ? "is cut off inside a header"
                : "is damaged: there is no header where one belongs");
        }

        if (isCutOff)
        {
            throw new ArchiveException("is cut off inside a header");
        }

        Header header = new()
        {
            Inode = Field(bytes, 0),
            Mode = Field(bytes, 1),
            Uid = Field(bytes, 2),
            Gid = Field(bytes, 3),
            Links = Field(bytes, 4),
            ModifiedTime = Field(bytes, 5),
            Size = Field(bytes, 6),
            DeviceMajor = Field(bytes, 7),
            DeviceMinor = Field(bytes, 8),
            TargetMajor = Field(bytes, 9),
            TargetMinor = Field(bytes, 10),
        };
        uint nameField = Field(bytes, 11);
        archive.TrySkip(HeaderSize);
        if (nameField is 0 or > LongestName)
        {
            throw new ArchiveException(nameField == 0 ? "is damaged: an entry has no name" : "has an entry whose name is too long");
        }

        ReadOnlySpan<byte> field = archive.Peek((int)nameField);
        int end = field.IndexOf((byte)0);
        if (field.Length < nameField)
        {
            throw new ArchiveException("is cut off inside a name");
        }

        if (end <= 0)
        {
            throw new ArchiveException("is damaged: an entry has no proper name");
        }

        header.Name = HostText.FromBytes(field[..end]);
        bool isTrailer = header.Name == "TRAILER!!!" && header.Size == 0;
        long padded = nameField + (-(HeaderSize + nameField) & 3);

        // Nothing need follow the name of the last entry.
        return archive.TrySkip(padded) || isTrailer ? header : throw new ArchiveException("is cut off behind a name");
    }

    private static uint Field(ReadOnlySpan<byte> header, int index)
    {
        ReadOnlySpan<byte> digits = header.Slice(MagicSize + (index * FieldSize), FieldSize);
        return !digits.ContainsAnyExcept("0123456789abcdefABCDEF"u8)
            && uint.TryParse(Encoding.ASCII.GetString(digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint value)
            ? value
            : throw new ArchiveException("is damaged: a field of a header is no hexadecimal number");
    }

    private readonly record struct FileKey(uint Major, uint Minor, uint Inode);

    private struct Header
    {
        public string Name;
        public uint Inode;
        public uint Mode;
        public uint Uid;
        public uint Gid;
        public uint Links;
        public uint ModifiedTime;
        public uint Size;
        public uint DeviceMajor;
        public uint DeviceMinor;
        public uint TargetMajor;
        public uint TargetMinor;
    }
}

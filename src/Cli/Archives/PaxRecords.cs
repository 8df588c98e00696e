using System.Globalization;
using System.Text;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Archives;

/// <summary>The extended header of an entry: <c>LENGTH KEY=VALUE\n</c> each (pax, POSIX.1-2001).</summary>
internal sealed class PaxRecords
{
    private readonly List<(string Key, byte[] Value)> _records = [];

    public string? Path => Text("path");

    public string? LinkPath => Text("linkpath");

    public long? Size => Number("size");

    public long? Uid => Number("uid");

    public long? Gid => Number("gid");

    /// <summary>Seconds since 1970; parts of seconds are cut off.</summary>
    public long? ModifiedTime => Text("mtime") is { } text && decimal.TryParse(
        text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal time)
        ? (long)Math.Clamp(decimal.Floor(time), long.MinValue, long.MaxValue) : null;

    /// <summary>The name of a file with holes, whose own name field holds a made-up one.</summary>
    public string? SparseName => Text("GNU.sparse.name");

    public long? SparseSize => Number("GNU.sparse.realsize") ?? Number("GNU.sparse.size");

    /// <summary>GNU's form 1.0: the map stands before the data.</summary>
    public bool HasSparseMapInData => Text("GNU.sparse.major") == "1";

    /// <summary>GNU's forms 0.0 and 0.1: offsets and lengths in turn; null for none.</summary>
    public IReadOnlyList<long>? SparseMap
    {
        get
        {
            List<long> numbers = [];
            foreach ((string key, byte[] value) in _records)
            {
                IEnumerable<string> words = key switch
                {
                    "GNU.sparse.map" => Encoding.ASCII.GetString(value).Split(','),
                    "GNU.sparse.offset" or "GNU.sparse.numbytes" => [Encoding.ASCII.GetString(value)],
                    _ => [],
                };
                numbers.AddRange(words.Where(word => word.Length > 0).Select(word => Parse(key, word)));
            }

            return numbers.Count > 0 || Text("GNU.sparse.numblocks") is not null ? numbers : null;
        }
    }

    /// <summary>Extended attributes of the file.</summary>
    public int AttributeCount => _records.Count(record => record.Key.StartsWith("SCHILY.xattr.", StringComparison.Ordinal)
        || record.Key.StartsWith("LIBARCHIVE.xattr.", StringComparison.Ordinal));

    /// <summary>Adds the records of one extended header.</summary>
    /// <exception cref="ArchiveException">They are damaged.</exception>
    public void Add(ReadOnlySpan<byte> data)
    {
        while (!data.TrimEnd((byte)0).IsEmpty)
        {
            int blank = data.IndexOf((byte)' ');
            bool isNumber = int.TryParse(blank is > 0 and < 10
                ? Encoding.ASCII.GetString(data[..blank])
                : "", NumberStyles.None, CultureInfo.InvariantCulture, out int length);
            if (!isNumber || length <= blank + 1 || length > data.Length || data[length - 1] != '\n')
            {
                throw new ArchiveException("is damaged: an extended header makes no sense");
            }

            ReadOnlySpan<byte> record = data[(blank + 1)..(length - 1)];
            int equals = record.IndexOf((byte)'=');
            if (equals <= 0)
            {
                throw new ArchiveException("is damaged: an extended header makes no sense");
            }

            _records.Add((HostText.FromBytes(record[..equals]), record[(equals + 1)..].ToArray()));
            data = data[length..];
        }
    }

    /// <summary>Gives the last value of a key: it overrides those before; an empty one takes them back.</summary>
    private string? Text(string key)
    {
        int index = _records.FindLastIndex(record => record.Key == key);
        return index < 0 || _records[index].Value.Length == 0 ? null : HostText.FromBytes(_records[index].Value);
    }

    private long? Number(string key) => Text(key) is { } text ? Parse(key, text) : null;

    private static long Parse(string key, string text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value)
            ? value
            : throw new ArchiveException($"is damaged: an extended header has {key}={text}");
}

namespace Semitone.Cli.Archives;

/// <summary>The contents of a file with holes: an archive has the pieces between them only.</summary>
/// <param name="pieces">The pieces' bytes, one after the other.</param>
/// <param name="map">Offset and length of each piece in turn, rising.</param>
/// <param name="size">Of the file, with its holes.</param>
internal sealed class SparseStream(Stream pieces, IReadOnlyList<long> map, long size) : ReadOnlyStream
{
    private int _piece;
    private long _position;

    /// <summary>Checks a map.</summary>
    /// <returns>The bytes that all pieces have together.</returns>
    /// <exception cref="ArchiveException">It makes no sense.</exception>
    public static long Check(IReadOnlyList<long> map, long size, string name)
    {
        long end = 0;
        long total = 0;
        bool isGood = map.Count % 2 == 0;
        for (int i = 0; isGood && i < map.Count; i += 2)
        {
            isGood = map[i] >= end && map[i + 1] >= 0 && map[i] <= size && map[i + 1] <= size - map[i];
            end = map[i] + map[i + 1];
            total += map[i + 1];
        }

        return isGood ? total : throw new ArchiveException($"is damaged: the map of holes of {name} makes no sense");
    }

    public override int Read(Span<byte> destination)
    {
        while (_piece < map.Count && _position == map[_piece] + map[_piece + 1])
        {
            _piece += 2;
        }

        bool isLast = _piece >= map.Count;
        if (!isLast && _position >= map[_piece])
        {
            long left = map[_piece] + map[_piece + 1] - _position;
            int read = pieces.Read(destination[..(int)Math.Min(destination.Length, left)]);
            _position += read;
            return read;
        }

        int zeros = (int)Math.Min(destination.Length, (isLast ? size : map[_piece]) - _position);
        destination[..zeros].Clear();
        _position += zeros;
        return zeros;
    }
}

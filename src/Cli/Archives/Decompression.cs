using Semitone.Cli.Packing;
using Semitone.Cpio;

namespace Semitone.Cli.Archives;

/// <summary>The compressions that an archive may have, told by their first bytes and never by a name.</summary>
internal static class Decompression
{
    private static readonly Format[] s_formats =
    [
        new([0x1F, 0x8B], "gzip", null, ""),
        new([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00], "xz", "xz", "xz-utils"),
        new([0x28, 0xB5, 0x2F, 0xFD], "zstd", "zstd", "zstd"),
        new([(byte)'B', (byte)'Z', (byte)'h'], "bzip2", "bzip2", "bzip2"),
        new([0x04, 0x22, 0x4D, 0x18], "lz4", "lz4", "lz4"),
        new([0x02, 0x21, 0x4C, 0x18], "lz4", "lz4", "lz4"),
        new([(byte)'L', (byte)'Z', (byte)'I', (byte)'P'], "lzip", "lzip", "lzip"),
        new([0x5D, 0x00, 0x00], "lzma", "xz", "xz-utils"),
    ];

    /// <summary>Unpacks what follows.</summary>
    /// <returns>Null when it is not compressed.</returns>
    /// <exception cref="ArchiveException">There is nothing to unpack it with.</exception>
    public static Stream? Open(LookAheadStream archive)
    {
        // What stands before the data of zstd may be passed over (RFC 8878, 3.1.2).
        ReadOnlySpan<byte> start = archive.Peek(6);
        bool isSkippable = start.Length >= 4 && (start[0] & 0xF0) == 0x50 && start[1..].StartsWith<byte>([0x2A, 0x4D, 0x18]);
        foreach (Format format in s_formats)
        {
            if (!start.StartsWith(format.Magic) && !(isSkippable && format.Name == "zstd"))
            {
                continue;
            }

            if (format.Program is not { } program)
            {
                return new GzipMembers(archive);
            }

            return HostPrograms.Find(program) is not null ? new ProgramStream(program, ["-d", "-c"], archive)
                : throw new ArchiveException(
                    $"is compressed with {format.Name}, and there is no {program} to unpack it with: install {format.Package}, or use "
                        + $"gzip");
        }

        return null;
    }

    private sealed record Format(byte[] Magic, string Name, string? Program, string Package);

    /// <summary>gzip, by the reader that the kernel has too: .NET's takes a file for whole whose checksum is cut off.</summary>
    private sealed class GzipMembers(LookAheadStream archive) : ReadOnlyStream
    {
        private readonly byte[] _piece = new byte[64 * 1024];
        private GzipReader _reader = new(archive, archive.Position);
        private int _start;
        private int _end;
        private bool _hasEnded;

        public override int Read(Span<byte> destination)
        {
            while (_start == _end && !_hasEnded)
            {
                Fill();
            }

            int count = Math.Min(destination.Length, _end - _start);
            _piece.AsSpan(_start, count).CopyTo(destination);
            _start += count;
            return count;
        }

        private void Fill()
        {
            if (!_reader.TryRead(out ReadOnlySpan<byte> piece))
            {
                throw new ArchiveException(_reader.Offset >= archive.Length
                    ? "is cut off, or its compressed data is damaged"
                    : "is damaged: its compressed data cannot be unpacked");
            }

            if (!piece.IsEmpty)
            {
                piece.CopyTo(_piece);
                (_start, _end) = (0, piece.Length);
                return;
            }

            // Members may follow one another; anything else is an archive of its own.
            archive.TrySkip(_reader.Offset - archive.Position);
            _hasEnded = !archive.Peek(2).SequenceEqual<byte>([0x1F, 0x8B]);
            _reader = new GzipReader(archive, archive.Position);
        }
    }
}

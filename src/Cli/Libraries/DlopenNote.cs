using System.Buffers.Binary;
using System.Text.Json;
using Semitone.Abi;
using Semitone.Elf;

namespace Semitone.Cli.Libraries;

/// <summary>The note by which a program or library says what it opens with dlopen(3) (the ELF dlopen metadata of the UAPI group).</summary>
/// <remarks>
/// Owner "FDO", type 0x407C0C0A; the contents are a JSON array of objects with <c>soname</c>, alternatives in order, and <c>priority</c>:
/// required, recommended or suggested.
/// </remarks>
internal static class DlopenNote
{
    private const uint NoteType = 0x407C_0C0A;
    private const int HeaderSize = 12;
    private const int LargestNotes = 64 * 1024;

    /// <summary>Reads the names that are required or recommended; none where the notes make no sense.</summary>
    public static IReadOnlyList<string> Read(IElfSource source, ElfFile file)
    {
        List<string> names = [];
        foreach (ElfSegment segment in file.Segments)
        {
            if (segment.Type != ElfSegmentType.Note || segment.FileSize is 0 or > LargestNotes)
            {
                continue;
            }

            byte[] notes = new byte[segment.FileSize];
            if (segment.Offset <= long.MaxValue
                && source.ReadAt((long)segment.Offset, notes) is { Error: Errno.None } read
                && read.Bytes == notes.Length)
            {
                Add(notes, segment.Alignment == 8 ? 8 : 4, names);
            }
        }

        return names;
    }

    /// <summary>
    /// Finds the notes of this kind among others: name size, contents size, type, then both, each filled to the alignment.
    /// </summary>
    internal static void Add(ReadOnlySpan<byte> notes, int alignment, List<string> names)
    {
        while (notes.Length >= HeaderSize)
        {
            uint nameSize = BinaryPrimitives.ReadUInt32LittleEndian(notes);
            uint contentsSize = BinaryPrimitives.ReadUInt32LittleEndian(notes[4..]);
            uint type = BinaryPrimitives.ReadUInt32LittleEndian(notes[8..]);
            long contents = Align(HeaderSize + nameSize, alignment);
            if (contents + contentsSize > notes.Length)
            {
                return;
            }

            if (type == NoteType && notes[HeaderSize..].StartsWith("FDO\0"u8))
            {
                AddNames(notes.Slice((int)contents, (int)contentsSize).TrimEnd((byte)0), names);
            }

            long end = Align(contents + contentsSize, alignment);
            notes = end < notes.Length ? notes[(int)end..] : [];
        }
    }

    private static long Align(long value, int alignment) => (value + alignment - 1) & -alignment;

    private static void AddNames(ReadOnlySpan<byte> json, List<string> names)
    {
        try
        {
            Utf8JsonReader reader = new(json);
            using JsonDocument document = JsonDocument.ParseValue(ref reader);
            if (document.RootElement.ValueKind != JsonValueKind.Array)
            {
                return;
            }

            foreach (JsonElement entry in document.RootElement.EnumerateArray())
            {
                bool isWanted = entry.ValueKind == JsonValueKind.Object
                    && (!entry.TryGetProperty("priority", out JsonElement priority) || priority.ToString() != "suggested");
                if (isWanted && entry.TryGetProperty("soname", out JsonElement sonames) && sonames.ValueKind == JsonValueKind.Array)
                {
                    names.AddRange(sonames.EnumerateArray().Select(name => name.ToString()).Where(name => name.Length > 0));
                }
            }
        }
        catch (JsonException)
        {
            // Notes of others are no reason to refuse a program.
        }
    }
}

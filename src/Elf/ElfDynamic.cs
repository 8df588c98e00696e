using System.Buffers.Binary;
using Semitone.Abi;

namespace Semitone.Elf;

/// <summary>What a file asks of the dynamic linker: the names in its dynamic section (ld.so(8)).</summary>
/// <remarks>
/// For the packing of libraries on the host. Reads at most <see cref="MaxEntries"/> entries and strings of at most <see cref="MaxString"/>
/// bytes.
/// </remarks>
public sealed class ElfDynamic
{
    private const int MaxEntries = 4096;
    private const int MaxString = 4096;
    private const int EntrySize = 16;

    /// <summary>DF_1_NODEFLIB.</summary>
    private const ulong NoDefaultLibraries = 0x800;

    private ElfDynamic()
    {
    }

    /// <summary>DT_NEEDED, in order.</summary>
    public IReadOnlyList<byte[]> Needed { get; private init; } = [];

    /// <summary>DT_SONAME.</summary>
    public byte[]? SoName { get; private init; }

    /// <summary>DT_RPATH, not expanded; ignored by the dynamic linker where there is a DT_RUNPATH.</summary>
    public byte[]? RPath { get; private init; }

    /// <summary>DT_RUNPATH, not expanded.</summary>
    public byte[]? RunPath { get; private init; }

    /// <summary>DF_1_NODEFLIB: the default folders are not searched.</summary>
    public bool IgnoresDefaultPaths { get; private init; }

    /// <summary>Reads the dynamic section.</summary>
    /// <param name="source">The file that the headers came from.</param>
    /// <param name="file">Its headers.</param>
    /// <param name="dynamic">The names; null when the file has no dynamic section.</param>
    /// <returns>None, ELIBBAD for a section that makes no sense, or what the source answered.</returns>
    public static Errno Read(IElfSource source, ElfFile file, out ElfDynamic? dynamic)
    {
        dynamic = null;
        if (!file.TryFind(ElfSegmentType.Dynamic, out ElfSegment segment))
        {
            return Errno.None;
        }

        long count = (long)Math.Min(segment.FileSize / EntrySize, MaxEntries);
        byte[] table = new byte[count * EntrySize];
        IoResult read = ElfFile.ReadExactly(source, segment.Offset, table);
        if (read.Error != Errno.None)
        {
            return read.Error == Errno.EIO ? Errno.ELIBBAD : read.Error;
        }

        ulong stringTable = 0;
        ulong flags1 = 0;
        foreach ((DynamicTag tag, ulong value) in new Entries(table))
        {
            stringTable = tag == DynamicTag.StringTable ? value : stringTable;
            flags1 = tag == DynamicTag.Flags1 ? value : flags1;
        }

        var needed = new List<byte[]>();
        byte[]? soName = null;
        byte[]? rPath = null;
        byte[]? runPath = null;
        foreach ((DynamicTag tag, ulong value) in new Entries(table))
        {
            if (tag is not (DynamicTag.Needed or DynamicTag.SoName or DynamicTag.RPath or DynamicTag.RunPath))
            {
                continue;
            }

            Errno error = ReadString(source, file, unchecked(stringTable + value), out byte[]? text);
            if (error != Errno.None)
            {
                return error;
            }

            switch (tag)
            {
                case DynamicTag.Needed:
                    needed.Add(text!);
                    break;
                case DynamicTag.SoName:
                    soName = text;
                    break;
                case DynamicTag.RPath:
                    rPath = text;
                    break;
                default:
                    runPath = text;
                    break;
            }
        }

        dynamic = new ElfDynamic
        {
            Needed = needed,
            SoName = soName,
            RPath = rPath,
            RunPath = runPath,
            IgnoresDefaultPaths = (flags1 & NoDefaultLibraries) != 0,
        };
        return Errno.None;
    }

    private enum DynamicTag : ulong
    {
        End = 0,
        Needed = 1,
        StringTable = 5,
        SoName = 14,
        RPath = 15,
        RunPath = 29,
        Flags1 = 0x6FFF_FFFB,
    }

    private static Errno ReadString(IElfSource source, ElfFile file, ulong address, out byte[]? text)
    {
        text = null;
        if (!file.TryGetFileOffset(address, out ulong offset) || offset > long.MaxValue)
        {
            return Errno.ELIBBAD;
        }

        Span<byte> buffer = stackalloc byte[MaxString];
        IoResult read = source.ReadAt((long)offset, buffer);
        if (read.Error != Errno.None)
        {
            return read.Error;
        }

        int end = buffer[..(int)read.Bytes].IndexOf((byte)0);
        if (end < 0)
        {
            return Errno.ELIBBAD;
        }

        text = buffer[..end].ToArray();
        return Errno.None;
    }

    /// <summary>The entries of a dynamic section up to DT_NULL.</summary>
    private ref struct Entries(ReadOnlySpan<byte> table)
    {
        private ReadOnlySpan<byte> _rest = table;

        public (DynamicTag Tag, ulong Value) Current { get; private set; }

        public readonly Entries GetEnumerator() => this;

        public bool MoveNext()
        {
            if (_rest.Length < EntrySize)
            {
                return false;
            }

            Current = ((DynamicTag)BinaryPrimitives.ReadUInt64LittleEndian(_rest), BinaryPrimitives.ReadUInt64LittleEndian(_rest[8..]));
            _rest = _rest[EntrySize..];
            return Current.Tag != DynamicTag.End;
        }
    }
}

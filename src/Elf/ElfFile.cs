using Semitone.Abi;

namespace Semitone.Elf;

/// <summary>The headers of an ELF64 file for x86-64: what a kernel looks at before it loads one.</summary>
/// <remarks>
/// Accepts what Linux accepts and answers with the errors that Linux gives; no file, however made, makes it throw or work for long.
/// </remarks>
public sealed class ElfFile
{
    /// <summary>Linux reads at most 64 KiB of program headers (execve(2) says ENOEXEC to more).</summary>
    public const int MaxProgramHeaders = 65536 / ElfSegment.Size;

    /// <summary>PATH_MAX, with the NUL.</summary>
    private const int MaxInterpreterPath = 4096;

    private readonly ElfSegment[] _segments;

    private ElfFile(ElfHeader header, ElfSegment[] segments)
    {
        Header = header;
        _segments = segments;
    }

    public ElfHeader Header { get; }

    /// <summary>Every program header, in the file's order.</summary>
    public ReadOnlySpan<ElfSegment> Segments => _segments;

    /// <summary>The header that names the program interpreter: the first that there is, as in Linux.</summary>
    public ElfSegment? Interpreter => TryFind(ElfSegmentType.Interpreter, out ElfSegment segment) ? segment : null;

    /// <summary>
    /// Whether PT_GNU_STACK asks for a stack that can be executed. Without the header the stack cannot: so Linux has it for x86-64
    /// programs.
    /// </summary>
    public bool HasExecutableStack
    {
        get
        {
            // The last one counts, as in Linux.
            bool isExecutable = false;
            foreach (ElfSegment segment in _segments)
            {
                if (segment.Type == ElfSegmentType.GnuStack)
                {
                    isExecutable = segment.Flags.HasFlag(ElfSegmentFlags.Execute);
                }
            }

            return isExecutable;
        }
    }

    /// <summary>Reads header and program headers.</summary>
    /// <param name="source">The file.</param>
    /// <param name="file">The headers, when the result is None.</param>
    /// <param name="defect">What is wrong, for a message.</param>
    /// <returns>None, ENOEXEC, or what the source answered.</returns>
    public static Errno Read(IElfSource source, out ElfFile? file, out ElfDefect defect)
    {
        file = null;
        Span<byte> headerBytes = stackalloc byte[ElfHeader.Size];
        IoResult read = source.ReadAt(0, headerBytes);
        if (read.Error != Errno.None)
        {
            defect = ElfDefect.Unreadable;
            return read.Error;
        }

        // What is missing from a short file counts as zero, as it does in Linux's buffer.
        if (!ElfHeader.TryParse(headerBytes, out ElfHeader header))
        {
            defect = ElfDefect.NotElf;
            return Errno.ENOEXEC;
        }

        if (header.Type is not (ElfFileType.Executable or ElfFileType.SharedObject))
        {
            defect = ElfDefect.BadType;
            return Errno.ENOEXEC;
        }

        if (header.Machine != ElfMachine.X86_64)
        {
            defect = ElfDefect.MachineMismatch;
            return Errno.ENOEXEC;
        }

        return ReadProgramHeaders(source, header, out file, out defect);
    }

    /// <summary>Reads the path that PT_INTERP names.</summary>
    /// <param name="source">The file that the headers came from.</param>
    /// <param name="path">The path without its NUL; null when the program needs no interpreter.</param>
    /// <param name="defect">What is wrong, for a message.</param>
    /// <returns>None, ENOEXEC, EIO, or what the source answered.</returns>
    public Errno ReadInterpreter(IElfSource source, out byte[]? path, out ElfDefect defect)
    {
        path = null;
        defect = ElfDefect.None;
        if (Interpreter is not { } segment)
        {
            return Errno.None;
        }

        defect = ElfDefect.BadInterpreterPath;
        if (segment.FileSize is < 2 or > MaxInterpreterPath)
        {
            return Errno.ENOEXEC;
        }

        byte[] bytes = new byte[(int)segment.FileSize];
        IoResult read = ReadExactly(source, segment.Offset, bytes);
        if (read.Error != Errno.None)
        {
            defect = ElfDefect.TruncatedInterpreterPath;
            return read.Error;
        }

        if (bytes[^1] != 0)
        {
            return Errno.ENOEXEC;
        }

        path = bytes[..bytes.IndexOf((byte)0)];
        defect = ElfDefect.None;
        return Errno.None;
    }

    /// <summary>Finds the first program header of a type.</summary>
    public bool TryFind(ElfSegmentType type, out ElfSegment segment)
    {
        foreach (ElfSegment candidate in _segments)
        {
            if (candidate.Type == type)
            {
                segment = candidate;
                return true;
            }
        }

        segment = default;
        return false;
    }

    /// <summary>Finds out where in the file the byte of a virtual address is.</summary>
    /// <returns>False when no segment brings that byte from the file.</returns>
    public bool TryGetFileOffset(ulong virtualAddress, out ulong offset)
    {
        foreach (ElfSegment segment in _segments)
        {
            // The difference wraps for addresses below the segment, and is then larger than any size that passes the second test.
            ulong distance = unchecked(virtualAddress - segment.VirtualAddress);
            if (segment.Type == ElfSegmentType.Load && virtualAddress >= segment.VirtualAddress && distance < segment.FileSize)
            {
                offset = unchecked(segment.Offset + distance);
                return offset >= segment.Offset;
            }
        }

        offset = 0;
        return false;
    }

    /// <summary>Fills a buffer from the file, or fails.</summary>
    /// <returns>EIO for what lies beyond the end, as Linux answers.</returns>
    internal static IoResult ReadExactly(IElfSource source, ulong offset, Span<byte> destination)
    {
        // EINVAL is what a negative file position gets from a read.
        if (offset > long.MaxValue)
        {
            return Errno.EINVAL;
        }

        IoResult read = source.ReadAt((long)offset, destination);
        return read.Error != Errno.None || read.Bytes == destination.Length ? read : Errno.EIO;
    }

    private static Errno ReadProgramHeaders(IElfSource source, ElfHeader header, out ElfFile? file, out ElfDefect defect)
    {
        file = null;
        defect = ElfDefect.BadProgramHeaders;
        if (header.ProgramHeaderSize != ElfSegment.Size || header.ProgramHeaderCount is 0 or > MaxProgramHeaders)
        {
            return Errno.ENOEXEC;
        }

        int size = header.ProgramHeaderCount * ElfSegment.Size;
        Span<byte> table = size <= 4096 ? stackalloc byte[size] : new byte[size];
        if (ReadExactly(source, header.ProgramHeaderOffset, table).Error != Errno.None)
        {
            return Errno.ENOEXEC;
        }

        var segments = new ElfSegment[header.ProgramHeaderCount];
        for (int index = 0; index < segments.Length; index++)
        {
            segments[index] = ElfSegment.Parse(table[(index * ElfSegment.Size)..]);
        }

        file = new ElfFile(header, segments);
        defect = ElfDefect.None;
        return Errno.None;
    }
}

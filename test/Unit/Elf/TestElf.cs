using System.Buffers.Binary;
using Semitone.Elf;

namespace Semitone.Unit.Elf;

/// <summary>An ELF file put together by a test; without changes, a static program that ends with status 42.</summary>
public sealed class TestElf
{
    public const ulong Base = 0x40_0000;
    public const byte ExitStatus = 42;

    public byte[] Magic { get; set; } = [0x7F, (byte)'E', (byte)'L', (byte)'F'];

    public byte Class { get; set; } = 2;

    public byte DataEncoding { get; set; } = 1;

    public ushort Type { get; set; } = 2;

    public ushort Machine { get; set; } = 62;

    public ulong? Entry { get; set; }

    public ulong ProgramHeaderOffset { get; set; } = ElfHeader.Size;

    public ushort ProgramHeaderSize { get; set; } = ElfSegment.Size;

    public ushort? ProgramHeaderCount { get; set; }

    public List<ElfSegment> Segments { get; } = [];

    /// <summary>Bytes placed at file offsets, over whatever is there.</summary>
    public List<(long Offset, byte[] Bytes)> Contents { get; } = [];

    /// <summary>mov $60, %eax; mov $42, %edi; syscall.</summary>
    public static byte[] ExitCode => [0xB8, 60, 0, 0, 0, 0xBF, ExitStatus, 0, 0, 0, 0x0F, 0x05];

    /// <summary>Where the code is in the file.</summary>
    public const int CodeOffset = 0x200;

    /// <summary>A static program at a fixed address, with one segment that holds everything.</summary>
    public static TestElf CreateStatic()
    {
        var elf = new TestElf();
        elf.Segments.Add(Load(0, Base, CodeOffset + 12, CodeOffset + 12));
        elf.Contents.Add((CodeOffset, ExitCode));
        return elf;
    }

    /// <summary>A static program that may lie anywhere.</summary>
    public static TestElf CreateStaticPie()
    {
        var elf = new TestElf { Type = 3 };
        elf.Segments.Add(Load(0, 0, CodeOffset + 12, CodeOffset + 12));
        elf.Contents.Add((CodeOffset, ExitCode));
        return elf;
    }

    /// <summary>A program with an interpreter, whose path lies at 0x180.</summary>
    public static TestElf CreateDynamic(string interpreter)
    {
        TestElf elf = CreateStaticPie();
        byte[] path = [.. System.Text.Encoding.UTF8.GetBytes(interpreter), 0];
        elf.Segments.Insert(
            0, new ElfSegment(ElfSegmentType.Interpreter, ElfSegmentFlags.Read, 0x180, 0x180, (ulong)path.Length, (ulong)path.Length, 1));
        elf.Contents.Add((0x180, path));
        return elf;
    }

    public static ElfSegment Load(ulong offset, ulong address, ulong fileSize, ulong memorySize, uint flags = 5, ulong alignment = 4096) =>
        new(ElfSegmentType.Load, (ElfSegmentFlags)flags, offset, address, fileSize, memorySize, alignment);

    /// <summary>Changes the segment at a position.</summary>
    public TestElf With(int index, Func<ElfSegment, ElfSegment> change)
    {
        Segments[index] = change(Segments[index]);
        return this;
    }

    public byte[] ToArray()
    {
        long end = ElfHeader.Size;
        bool hasTable = ProgramHeaderOffset <= 1 << 24;
        end = Math.Max(end, hasTable ? (long)ProgramHeaderOffset + (Segments.Count * ElfSegment.Size) : 0);
        foreach ((long offset, byte[] bytes) in Contents)
        {
            end = Math.Max(end, offset + bytes.Length);
        }

        byte[] file = new byte[end];
        Magic.CopyTo(file, 0);
        file[4] = Class;
        file[5] = DataEncoding;
        file[6] = 1;
        Write16(file, 16, Type);
        Write16(file, 18, Machine);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(20), 1);
        Write64(file, 24, Entry ?? (Type == 2 ? Base + CodeOffset : CodeOffset));
        Write64(file, 32, ProgramHeaderOffset);
        Write16(file, 52, ElfHeader.Size);
        Write16(file, 54, ProgramHeaderSize);
        Write16(file, 56, ProgramHeaderCount ?? (ushort)Segments.Count);
        Write16(file, 58, 64);
        for (int index = 0; hasTable && index < Segments.Count; index++)
        {
            ElfSegment segment = Segments[index];
            int at = (int)ProgramHeaderOffset + (index * ElfSegment.Size);
            BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(at), (uint)segment.Type);
            BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(at + 4), (uint)segment.Flags);
            Write64(file, at + 8, segment.Offset);
            Write64(file, at + 16, segment.VirtualAddress);
            Write64(file, at + 24, segment.VirtualAddress);
            Write64(file, at + 32, segment.FileSize);
            Write64(file, at + 40, segment.MemorySize);
            Write64(file, at + 48, segment.Alignment);
        }

        foreach ((long offset, byte[] bytes) in Contents)
        {
            bytes.CopyTo(file, offset);
        }

        return file;
    }

    private static void Write16(byte[] file, int offset, ushort value) =>
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(offset), value);

    private static void Write64(byte[] file, int offset, ulong value) =>
        BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(offset), value);
}

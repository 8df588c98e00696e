using System.Buffers.Binary;
using System.Text;

namespace Semitone.Unit.Cli;

/// <summary>An ELF file that asks a dynamic linker for things and can do nothing else.</summary>
internal sealed record SyntheticElf
{
    private const int HeaderSize = 64;
    private const int SegmentSize = 56;

    public string? Interpreter { get; init; }

    public string[] Needed { get; init; } = [];

    public string? SoName { get; init; }

    public string? RPath { get; init; }

    public string? RunPath { get; init; }

    public ushort Machine { get; init; } = 62;

    public bool NoDefaultLibraries { get; init; }

    /// <summary>Text that is somewhere in the file.</summary>
    public string Contains { get; init; } = "";

    public byte[] Build()
    {
        MemoryStream strings = new();
        strings.WriteByte(0);
        List<(ulong Tag, ulong Value)> dynamic = [];
        void Add(ulong tag, string? text)
        {
            if (text is not null)
            {
                dynamic.Add((tag, (ulong)strings.Position));
                strings.Write(Encoding.UTF8.GetBytes(text + "\0"));
            }
        }

        foreach (string name in Needed)
        {
            Add(1, name);
        }

        Add(14, SoName);
        Add(15, RPath);
        Add(29, RunPath);
        if (NoDefaultLibraries)
        {
            dynamic.Add((0x6FFF_FFFB, 0x800));
        }

        int segments = Interpreter is null ? 2 : 3;
        int interpreterOffset = HeaderSize + (segments * SegmentSize);
        byte[] interpreter = Encoding.UTF8.GetBytes((Interpreter ?? "") + "\0");
        int stringsOffset = interpreterOffset + interpreter.Length;
        strings.Write(Encoding.UTF8.GetBytes(Contains + "\0"));
        int dynamicOffset = (stringsOffset + (int)strings.Length + 7) & ~7;
        dynamic.Add((5, (ulong)stringsOffset));
        dynamic.Add((0, 0));
        byte[] file = new byte[dynamicOffset + (dynamic.Count * 16)];
        void Put16(int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(offset), value);
        void Put32(int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(offset), value);
        void Put64(int offset, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(offset), value);
        "\u007FELF"u8.CopyTo(file);
        file[4] = 2;
        file[5] = 1;
        file[6] = 1;
        Put16(16, 3);
        Put16(18, Machine);
        Put32(20, 1);
        Put64(32, HeaderSize);
        Put16(52, HeaderSize);
        Put16(54, SegmentSize);
        Put16(56, (ushort)segments);
        void PutSegment(int index, uint type, int offset, int length)
        {
            int at = HeaderSize + (index * SegmentSize);
            Put32(at, type);
            Put32(at + 4, 4);
            Put64(at + 8, (ulong)offset);
            Put64(at + 16, (ulong)offset);
            Put64(at + 32, (ulong)length);
            Put64(at + 40, (ulong)length);
            Put64(at + 48, 1);
        }

        PutSegment(0, 1, 0, file.Length);
        PutSegment(1, 2, dynamicOffset, dynamic.Count * 16);
        if (Interpreter is not null)
        {
            PutSegment(2, 3, interpreterOffset, interpreter.Length);
        }

        interpreter.CopyTo(file, interpreterOffset);
        strings.ToArray().CopyTo(file, stringsOffset);
        for (int i = 0; i < dynamic.Count; i++)
        {
            Put64(dynamicOffset + (i * 16), dynamic[i].Tag);
            Put64(dynamicOffset + (i * 16) + 8, dynamic[i].Value);
        }

        return file;
    }
}

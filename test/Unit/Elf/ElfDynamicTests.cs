using System.Text;
using CsCheck;
using Semitone.Abi;
using Semitone.Elf;

namespace Semitone.Unit.Elf;

public class ElfDynamicTests
{
    [Fact]
    public void Read_ProgramOfThisHost_FindsItsLibraries()
    {
        ElfDynamic dynamic = Read(File.ReadAllBytes("/bin/ls"));

        Assert.Contains("libc.so.6", dynamic.Needed.Select(Encoding.UTF8.GetString));
        Assert.Null(dynamic.SoName);
    }

    [Fact]
    public void Read_LibraryOfThisHost_FindsItsName()
    {
        ElfDynamic dynamic = Read(File.ReadAllBytes("/lib/x86_64-linux-gnu/libc.so.6"));

        Assert.Equal("libc.so.6", Encoding.UTF8.GetString(dynamic.SoName!));
    }

    [Fact]
    public void Read_StaticProgram_HasNoDynamicSection()
    {
        var source = new MemoryElfSource(TestElf.CreateStatic().ToArray());
        Assert.Equal(Errno.None, ElfFile.Read(source, out ElfFile? file, out _));

        Assert.Equal(Errno.None, ElfDynamic.Read(source, file!, out ElfDynamic? dynamic));
        Assert.Null(dynamic);
    }

    [Fact]
    public void Read_MutatedLibrary_NeverThrows()
    {
        byte[] original = File.ReadAllBytes("/bin/true");
        var source = new MemoryElfSource(original);
        Assert.Equal(Errno.None, ElfFile.Read(source, out ElfFile? file, out _));
        Assert.True(file!.TryFind(ElfSegmentType.Dynamic, out ElfSegment section));

        Gen<int> header = Gen.Int[0, 0x400];
        Gen<int> table = Gen.Int[(int)section.Offset, (int)(section.Offset + section.FileSize) - 1];
        Gen<(int Offset, byte Value)> change = Gen.Select(Gen.OneOf(header, table), Gen.Byte);
        Gen.Select(change.Array[1, 8], Gen.Int[0, original.Length]).Sample((changes, cut) =>
        {
            byte[] bytes = [.. original];
            foreach ((int offset, byte value) in changes)
            {
                bytes[offset] = value;
            }

            var mutated = new MemoryElfSource(bytes.AsMemory(0, cut % 3 == 0 ? cut : bytes.Length));
            if (ElfFile.Read(mutated, out ElfFile? headers, out _) == Errno.None)
            {
                headers!.ReadInterpreter(mutated, out _, out _);
                ElfDynamic.Read(mutated, headers, out _);
            }
        });
    }

    private static ElfDynamic Read(byte[] bytes)
    {
        var source = new MemoryElfSource(bytes);
        Assert.Equal(Errno.None, ElfFile.Read(source, out ElfFile? file, out _));
        Assert.Equal(Errno.None, ElfDynamic.Read(source, file!, out ElfDynamic? dynamic));
        return dynamic!;
    }
}

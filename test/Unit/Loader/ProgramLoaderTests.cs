using System.Text;
using CsCheck;
using Semitone.Abi;
using Semitone.Elf;
using Semitone.Loader;
using Semitone.Machine;
using Semitone.Memory;
using Semitone.Unit.Elf;

namespace Semitone.Unit.Loader;

public class ProgramLoaderTests
{
    private const ulong AtPhdr = 3;
    private const ulong AtPhnum = 5;
    private const ulong AtBase = 7;
    private const ulong AtEntry = 9;
    private const ulong AtRandom = 25;
    private const ulong AtExecfn = 31;
    private const ulong AtPlatform = 15;
    private const ulong AtSysinfoEhdr = 33;

    [Fact]
    public void Load_Static_PutsArgumentsEnvironmentAndVectorOnTheStack()
    {
        var fixture = new LoaderFixture();
        fixture.Add("/bin/prog", TestElf.CreateStatic().ToArray());

        LoadedProgram program = fixture.Load("/bin/prog", ["prog", "", "a b"], ["HOME=/", "X="]);

        Assert.Equal(TestElf.Base + TestElf.CodeOffset, program.InstructionPointer);
        Assert.Equal(0UL, program.StackPointer % 16);
        Assert.Equal("prog"u8.ToArray(), program.Name);
        StartState state = LoaderFixture.ReadStack(program);
        Assert.Equal(["prog", "", "a b"], state.Arguments);
        Assert.Equal(["HOME=/", "X="], state.Environment);
        Dictionary<ulong, ulong> auxiliary = state.Auxiliary;
        Assert.Equal(TestElf.Base + 64, auxiliary[AtPhdr]);
        Assert.Equal(1UL, auxiliary[AtPhnum]);
        Assert.Equal(0UL, auxiliary[AtBase]);
        Assert.Equal(program.InstructionPointer, auxiliary[AtEntry]);
        Assert.Equal("/bin/prog", LoaderFixture.ReadString(program, auxiliary[AtExecfn]));
        Assert.Equal("x86_64", LoaderFixture.ReadString(program, auxiliary[AtPlatform]));
        Assert.NotEqual(new byte[16], LoaderFixture.ReadBytes(program, auxiliary[AtRandom], 16));
        Assert.Equal((1000UL, 1001UL, 1002UL, 1003UL), (auxiliary[11], auxiliary[12], auxiliary[13], auxiliary[14]));
        Assert.Equal("prog\0\0a b\0", Encoding.UTF8.GetString(
            LoaderFixture.ReadBytes(program, program.ArgumentStart, (int)(program.ArgumentEnd - program.ArgumentStart))));
        Assert.Equal("HOME=/\0X=\0", Encoding.UTF8.GetString(
            LoaderFixture.ReadBytes(program, program.EnvironmentStart, (int)(program.EnvironmentEnd - program.EnvironmentStart))));
        Assert.Equal("/bin/prog: ELF program loaded to 0x400000-0x401000 (4096 B), entry at 0x400200", program.Program.ToString());
    }

    [Fact]
    public void Load_NoArguments_GivesAnEmptyName()
    {
        var fixture = new LoaderFixture();
        fixture.Add("/prog", TestElf.CreateStatic().ToArray());

        Assert.Equal([""], LoaderFixture.ReadStack(fixture.Load("/prog", [])).Arguments);
    }

    [Theory]
    [InlineData("/bin/busybox")]
    [InlineData("/bin/true")]
    public void Load_ProgramOfThisHost_MapsItsSegmentsAndItsInterpreter(string path)
    {
        Assert.SkipUnless(File.Exists(path), path + " is not installed.");
        var fixture = new LoaderFixture();
        byte[] bytes = File.ReadAllBytes(path);
        fixture.Add(path, bytes);
        const string interpreter = "/lib64/ld-linux-x86-64.so.2";
        fixture.Add(interpreter, File.ReadAllBytes(interpreter));

        LoadedProgram program = fixture.Load(path);

        Assert.Equal(Errno.None, ElfFile.Read(new MemoryElfSource(bytes), out ElfFile? elf, out _));
        foreach (ElfSegment segment in elf!.Segments)
        {
            if (segment.Type == ElfSegmentType.Load)
            {
                byte[] loaded = LoaderFixture.ReadBytes(program, segment.VirtualAddress + program.Program.Bias, (int)segment.MemorySize);
                Assert.Equal(bytes.AsSpan((int)segment.Offset, (int)segment.FileSize), loaded.AsSpan(0, (int)segment.FileSize));
                Assert.False(loaded.AsSpan((int)segment.FileSize).ContainsAnyExcept((byte)0));
            }
        }

        bool isDynamic = elf.Interpreter is not null;
        StartState state = LoaderFixture.ReadStack(program);
        Assert.Equal(isDynamic, program.Interpreter is not null);
        Assert.Equal(program.Interpreter?.Start ?? 0, state.Auxiliary[AtBase]);
        Assert.Equal(program.Interpreter?.Entry ?? program.Program.Entry, program.InstructionPointer);
        Assert.True(program.Space.BreakStart >= program.Program.End || elf.Header.Type == ElfFileType.SharedObject);
        Assert.Equal(ElfHeader.Magic, LoaderFixture.ReadBytes(program, state.Auxiliary[AtSysinfoEhdr], 4));
    }

    [Fact]
    public void Load_BssInTheMiddleOfAPage_IsZero()
    {
        var fixture = new LoaderFixture();
        TestElf elf = TestElf.CreateStatic();
        elf.Contents.Add((0x1000, [.. Enumerable.Repeat((byte)0xEE, 0x1000)]));
        elf.Segments.Add(TestElf.Load(0x1100, TestElf.Base + 0x5100, 0x10, 0x2000, 6));
        fixture.Add("/prog", elf.ToArray());

        LoadedProgram program = fixture.Load("/prog");

        byte[] page = LoaderFixture.ReadBytes(program, TestElf.Base + 0x5000, 0x3000);
        Assert.True(page.AsSpan(0, 0x110).IndexOfAnyExcept((byte)0xEE) < 0);
        Assert.True(page.AsSpan(0x110).IndexOfAnyExcept((byte)0) < 0);
        Assert.Equal(TestElf.Base + 0x8000, program.Program.End);
    }

    [Theory]
    [InlineData(1UL << 21)]
    [InlineData(1UL << 30)]
    [InlineData(1UL << 34)]
    public void Load_LargeAlignment_IsHonoured(ulong alignment)
    {
        var fixture = new LoaderFixture();
        fixture.Add("/static", TestElf.CreateStaticPie().With(0, load => load with { Alignment = alignment }).ToArray());
        fixture.Add("/dynamic", TestElf.CreateDynamic("/static").With(1, load => load with { Alignment = alignment }).ToArray());

        Assert.Equal(0UL, fixture.Load("/static").Program.Bias % alignment);
        LoadedProgram program = fixture.Load("/dynamic");
        Assert.Equal(0UL, program.Program.Bias % alignment);
        Assert.Equal(0UL, program.Interpreter!.Bias % alignment);
    }

    [Fact]
    public void Load_TwiceWithRandomization_GivesOtherAddresses()
    {
        var fixture = new LoaderFixture();
        fixture.Add("/prog", TestElf.CreateDynamic("/ld").ToArray());
        fixture.Add("/ld", TestElf.CreateStaticPie().ToArray());

        LoadedProgram first = fixture.Load("/prog");
        LoadedProgram second = fixture.Load("/prog");

        Assert.NotEqual(first.Program.Start, second.Program.Start);
        Assert.NotEqual(first.Interpreter!.Start, second.Interpreter!.Start);
        Assert.NotEqual(first.StackPointer, second.StackPointer);
        Assert.NotEqual(first.Space.BreakStart, second.Space.BreakStart);
    }

    [Fact]
    public void Load_TwiceWithoutRandomization_GivesTheSameAddresses()
    {
        var fixture = new LoaderFixture();
        fixture.Add("/prog", TestElf.CreateDynamic("/ld").ToArray());
        fixture.Add("/ld", TestElf.CreateStaticPie().ToArray());

        LoadedProgram first = fixture.Load("/prog", randomize: false);
        LoadedProgram second = fixture.Load("/prog", randomize: false);

        Assert.Equal((first.Program.Start, first.Interpreter!.Start), (second.Program.Start, second.Interpreter!.Start));
        Assert.Equal((first.StackPointer, first.Space.BreakStart), (second.StackPointer, second.Space.BreakStart));
    }

    [Theory]
    [InlineData(6u, false)]
    [InlineData(7u, true)]
    public void Load_GnuStack_DecidesOverTheStack(uint flags, bool isExecutable)
    {
        var fixture = new LoaderFixture();
        TestElf elf = TestElf.CreateStatic();
        elf.Segments.Add(new ElfSegment(ElfSegmentType.GnuStack, (ElfSegmentFlags)flags, 0, 0, 0, 0, 16));
        fixture.Add("/prog", elf.ToArray());

        LoadedProgram program = fixture.Load("/prog");

        Assert.Equal(isExecutable, (FindVma(program, program.StackPointer).Access & PageAccess.Execute) != 0);
        Assert.True((FindVma(program, program.StackPointer).Flags & VmaFlags.GrowsDown) != 0);
    }

    [Fact]
    public void Load_Script_RunsItsInterpreter()
    {
        var fixture = new LoaderFixture();
        fixture.Add("/bin/interpreter", TestElf.CreateStatic().ToArray());
        fixture.Add("/script", "#! /bin/interpreter  -a b \t\nrest");

        LoadedProgram program = fixture.Load("/script", ["argv0", "x", "y"]);

        StartState state = LoaderFixture.ReadStack(program);
        Assert.Equal(["/bin/interpreter", "-a b", "/script", "x", "y"], state.Arguments);
        Assert.Equal("/script", LoaderFixture.ReadString(program, state.Auxiliary[AtExecfn]));
        Assert.Equal("script"u8.ToArray(), program.Name);
        Assert.Equal("/bin/interpreter"u8.ToArray(), program.Program.Path);
    }

    [Theory]
    [InlineData(5, Errno.None)]
    [InlineData(6, Errno.ELOOP)]
    public void Load_ScriptOfScripts_EndsAtALimit(int depth, Errno expected)
    {
        var fixture = new LoaderFixture();
        fixture.Add("/0", TestElf.CreateStatic().ToArray());
        for (int level = 1; level <= depth; level++)
        {
            fixture.Add("/" + level, $"#!/{level - 1}\n");
        }

        Assert.Equal(expected, fixture.Load("/" + depth, out _, out _));
    }

    [Fact]
    public void Load_ScriptThatNamesItself_IsALoop()
    {
        var fixture = new LoaderFixture();
        fixture.Add("/script", "#!/script");
        fixture.Add("/loop", "#!/loop\n");

        Assert.Equal(Errno.ELOOP, fixture.Load("/loop", out _, out LoadFailure failure));
        Assert.Equal("/loop: Too many levels of symbolic links (-40)", failure.ToString());
        Assert.Equal(Errno.ELOOP, fixture.Load("/script", out _, out _));
    }

    [Fact]
    public void Load_WrongMachine_SaysSo()
    {
        var fixture = new LoaderFixture();
        TestElf elf = TestElf.CreateStatic();
        elf.Machine = 183;
        fixture.Add("/prog", elf.ToArray());

        Assert.Equal(Errno.ENOEXEC, fixture.Load("/prog", out _, out LoadFailure failure));
        Assert.Equal("/prog: ELF machine type mismatch!", failure.ToString());
    }

    [Fact]
    public void Load_MissingInterpreter_SaysWhich()
    {
        var fixture = new LoaderFixture();
        fixture.Add("/prog", TestElf.CreateDynamic("/lib/ld.so").ToArray());

        Assert.Equal(Errno.ENOENT, fixture.Load("/prog", out _, out LoadFailure failure));
        Assert.Equal("/prog: Failed to load program interpreter /lib/ld.so: No such file or directory (-2)", failure.ToString());
    }

    [Fact]
    public void Load_ArgumentsTooLong_IsRefused()
    {
        var fixture = new LoaderFixture();
        fixture.Add("/prog", TestElf.CreateStatic().ToArray());
        string longest = new('x', (128 << 10) - 1);

        Assert.Equal(Errno.None, fixture.Load("/prog", out _, out _, [longest]));
        Assert.Equal(Errno.E2BIG, fixture.Load("/prog", out _, out _, [longest + "x"]));
        Assert.Equal(Errno.E2BIG, fixture.Load("/prog", out _, out _, [.. Enumerable.Repeat(longest, 17)]));
        LoadedProgram program = fixture.Load("/prog", [.. Enumerable.Repeat(longest, 15)]);
        Assert.Equal(15UL, LoaderFixture.ReadWord(program, program.StackPointer));
    }

    [Fact]
    public void Load_MemoryRunsOutAnywhere_IsAnErrorAndNothingIsLost()
    {
        for (int allowed = 0; allowed < 40; allowed++)
        {
            var fixture = new LoaderFixture(512);
            fixture.Add("/prog", TestElf.CreateDynamic("/ld").ToArray());
            fixture.Add("/ld", TestElf.CreateStaticPie().ToArray());
            long before = fixture.Frames.UsedCount;
            fixture.Machine.Frames.FailAfter = allowed;

            Errno error = fixture.Load("/prog", out LoadedProgram? program, out _);

            Assert.True(error is Errno.None or Errno.ENOMEM or Errno.EFAULT, error.ToString());
            program?.Space.Dispose();
            Assert.InRange(fixture.Frames.UsedCount - before, 0, 2);
        }
    }

    [Fact]
    public void Load_MutatedProgram_NeverThrows()
    {
        byte[] original = TestElf.CreateDynamic("/ld").ToArray();
        byte[] interpreter = TestElf.CreateStaticPie().ToArray();
        var fixture = new LoaderFixture(16384);
        Gen<ulong> edge = Gen.OneOf(Gen.OneOf<ulong>(
            0UL,
            1,
            0xFFF,
            0x1000,
            0x7FFF_FFFF_F000,
            Paging.UserEnd,
            long.MaxValue,
            1UL << 63,
            ulong.MaxValue,
            ulong.MaxValue - 0xFFF), Gen.ULong);
        Gen<(int Offset, ulong Value)> change = Gen.Select(Gen.Int[0, 21].Select(index => index * 8), edge);
        Gen<(int Offset, byte Value)> byteChange = Gen.Select(Gen.Int[0, 175], Gen.Byte);
        Gen.Select(change.Array[0, 3], byteChange.Array[0, 4], Gen.Bool).Sample(
            (words, bytes, isInterpreter) =>
            {
                byte[] file = [.. isInterpreter ? interpreter : original];
                foreach ((int offset, ulong value) in words)
                {
                    System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(offset), value);
                }

                foreach ((int offset, byte value) in bytes)
                {
                    file[offset] = value;
                }

                lock (fixture)
                {
                    fixture.Add("/prog", isInterpreter ? original : file);
                    fixture.Add("/ld", isInterpreter ? file : interpreter);
                    Errno error = fixture.Load("/prog", out LoadedProgram? program, out _);
                    Assert.Equal(error == Errno.None, program is not null);
                    program?.Space.Dispose();
                    fixture.Remove("/prog");
                    fixture.Remove("/ld");
                }
            },
            threads: 1);
    }

    [Fact]
    public void Find_BareName_SearchesPath()
    {
        var fixture = new LoaderFixture();
        fixture.Add("/usr/bin/prog", "x");
        fixture.Add("here", "x");
        fixture.AddError("/secret/locked", Errno.EACCES);
        byte[][] environment = ["PATH=/secret:/bin/::/usr/bin"u8.ToArray()];

        Assert.Equal(Errno.None, ProgramPath.Find(fixture, "prog"u8.ToArray(), environment, out byte[] path));
        Assert.Equal("/usr/bin/prog", Encoding.UTF8.GetString(path));
        Assert.Equal(Errno.None, ProgramPath.Find(fixture, "here"u8.ToArray(), environment, out path));
        Assert.Equal("here", Encoding.UTF8.GetString(path));
        Assert.Equal(Errno.None, ProgramPath.Find(fixture, "./x"u8.ToArray(), environment, out path));
        Assert.Equal(Errno.EACCES, ProgramPath.Find(fixture, "locked"u8.ToArray(), environment, out _));
        Assert.Equal(Errno.ENOENT, ProgramPath.Find(fixture, "nothing"u8.ToArray(), environment, out _));
        Assert.Equal(Errno.None, ProgramPath.Find(fixture, "prog"u8.ToArray(), [], out _));
        Assert.Equal(Errno.ENOENT, ProgramPath.Find(fixture, [], [], out _));
    }

    private static Vma FindVma(LoadedProgram program, ulong address)
    {
        foreach (Vma vma in program.Space.Vmas)
        {
            if (address >= vma.Start && address < vma.End)
            {
                return vma;
            }
        }

        throw new InvalidOperationException("No vma there.");
    }
}

using Semitone.Elf;
using Semitone.Unit.Elf;

namespace Semitone.Unit.Loader;

/// <summary>Files that are wrong in one way each, with what Linux 6.18 does when it is asked to execute them.</summary>
/// <remarks>A value of errno: execve(2) fails with it. "killed": the old program is gone when Linux finds out, so it kills the process;
/// here execve fails. "runs": it ends with status 42. "dies": it is loaded, and a signal ends it.</remarks>
public static class BadFileCases
{
    public const string Killed = "killed";
    public const string Runs = "runs";
    public const string Dies = "dies";

    /// <summary>Everything, by name.</summary>
    public static IReadOnlyDictionary<string, (byte[] File, string Outcome)> All { get; } = Build();

    public static TheoryData<string> Names => [.. All.Keys];

    private static Dictionary<string, (byte[] File, string Outcome)> Build()
    {
        var cases = new Dictionary<string, (byte[] File, string Outcome)>();
        void Add(string name, string outcome, TestElf elf) => cases.Add(name, (elf.ToArray(), outcome));
        void AddBytes(string name, string outcome, byte[] file) => cases.Add(name, (file, outcome));

        Add("static", Runs, TestElf.CreateStatic());
        Add("static pie", Runs, TestElf.CreateStaticPie());
        AddBytes("empty file", "ENOEXEC", []);
        AddBytes("text", "ENOEXEC", "echo hello\n"u8.ToArray());
        AddBytes("magic only", "ENOEXEC", "\u007FELF"u8.ToArray());
        AddBytes("script without interpreter", "ENOEXEC", "#!\n"u8.ToArray());
        AddBytes("script of blanks", "ENOEXEC", "#!   \t \nx"u8.ToArray());
        AddBytes("script that ends at once", "EACCES", "#!"u8.ToArray());
        AddBytes("script with a long interpreter name", "ENOEXEC", [.. "#!/"u8, .. Enumerable.Repeat((byte)'x', 300)]);
        AddBytes("script with the longest interpreter name", "ENOENT", [.. "#!/"u8, .. Enumerable.Repeat((byte)'x', 252), (byte)'\n']);
        AddBytes("script whose interpreter is missing", "ENOENT", "#!/no/such/interpreter\n"u8.ToArray());
        AddBytes("script whose interpreter is followed by NUL", "ENOENT", "#!/no/such\0interpreter\n"u8.ToArray());
        Add("bad magic", "ENOEXEC", new TestElf { Magic = [0x7F, (byte)'E', (byte)'L', (byte)'G'] });
        Add("class 32 with 64-bit contents", Runs, Change(elf => elf.Class = 1));
        Add("class 0", Runs, Change(elf => elf.Class = 0));
        Add("big-endian by its own word", Runs, Change(elf => elf.DataEncoding = 2));
        Add("machine aarch64", "ENOEXEC", Change(elf => elf.Machine = 183));
        Add("machine none", "ENOEXEC", Change(elf => elf.Machine = 0));
        Add("type relocatable", "ENOEXEC", Change(elf => elf.Type = 1));
        Add("type core", "ENOEXEC", Change(elf => elf.Type = 4));
        Add("type none", "ENOEXEC", Change(elf => elf.Type = 0));
        Add("program header size 55", "ENOEXEC", Change(elf => elf.ProgramHeaderSize = 55));
        Add("program header size 0", "ENOEXEC", Change(elf => elf.ProgramHeaderSize = 0));
        Add("no program headers", "ENOEXEC", Change(elf => elf.ProgramHeaderCount = 0));
        Add("74 program headers", "ENOEXEC", Change(elf => elf.ProgramHeaderCount = 74));
        Add("65535 program headers", "ENOEXEC", Change(elf => elf.ProgramHeaderCount = 65535));
        Add("program headers beyond the end", "ENOEXEC", Change(elf => elf.ProgramHeaderOffset = 1 << 30));
        Add("program headers at a negative offset", "ENOEXEC", Change(elf => elf.ProgramHeaderOffset = ulong.MaxValue - 10));
        Add("program headers at the end", Runs, Change(elf => elf.ProgramHeaderOffset = 0x333));
        Add("no segments, fixed", Dies, new TestElf { ProgramHeaderCount = 1, Segments = { default } });
        Add("no segments, anywhere", Killed, new TestElf { Type = 3, ProgramHeaderCount = 1, Segments = { default } });
        Add("longer in the file than in memory", Killed, ChangeLoad(load => load with { MemorySize = load.FileSize - 1 }));
        Add("memory size huge", Killed, ChangeLoad(load => load with { MemorySize = ulong.MaxValue }));
        Add("memory size to the top", Killed, ChangeLoad(load => load with { MemorySize = ulong.MaxValue - TestElf.Base }));
        Add("address in the kernel", Killed, ChangeLoad(load => load with { VirtualAddress = 0xFFFF_8000_0000_0000 }));
        Add("address wraps", Killed, ChangeLoad(load => load with { VirtualAddress = ulong.MaxValue - 0xFFF }));
        Add("offset and address apart", Killed, ChangeLoad(load => load with { Offset = 1 }));
        Add("offset wraps", Killed, ChangeLoad(load => load with { Offset = 0xFFFF_FFFF_FFFF_F000 }));
        Add("segment beyond the end of the file", Dies, ChangeLoad(load => load with { Offset = 0x10000 }));
        Add("alignment 1", Runs, ChangeLoad(load => load with { Alignment = 1 }));
        Add("alignment 3", Runs, ChangeLoad(load => load with { Alignment = 3 }));
        Add("alignment 2 MiB, pie", Runs, ChangePieLoad(load => load with { Alignment = 1 << 21 }));
        Add("alignment 1 GiB, pie", Runs, ChangePieLoad(load => load with { Alignment = 1 << 30 }));
        Add("not executable", Dies, ChangeLoad(load => load with { Flags = ElfSegmentFlags.Read }));
        Add("writable and executable", Runs, ChangeLoad(load => load with { Flags = (ElfSegmentFlags)7 }));
        Add("entry in the kernel", Killed, Change(elf => elf.Entry = 0xFFFF_8000_0000_0000));
        Add("entry nowhere", Dies, Change(elf => elf.Entry = 0x1234_5678));
        Add("zero memory segment", Runs, AddSegment(TestElf.Load(0, TestElf.Base + 0x10000, 0, 0)));
        Add("bss only segment", Runs, AddSegment(TestElf.Load(0x123, TestElf.Base + 0x10456, 0, 0x3000, 6)));
        Add("overlapping segments", Runs, AddSegment(TestElf.Load(0, TestElf.Base, 0x100, 0x100)));
        Add("overlapping bss wipes the code", Dies, AddSegment(TestElf.Load(0, TestElf.Base, 0, 0x1000, 6)));
        Add("segments out of order", Runs, AddSegment(TestElf.Load(0, TestElf.Base - 0x10000, 0x100, 0x100, 4)));
        Add("bss huge", Killed, AddSegment(TestElf.Load(0, TestElf.Base + 0x10000, 0, 0x7000_0000_0000_0000, 6)));
        Add("interpreter path empty", "ENOEXEC", ChangeInterpreter(segment => segment with { FileSize = 1 }));
        Add("interpreter path of a NUL", "EACCES", ChangeInterpreter(segment => segment with { Offset = 0x1FE, FileSize = 2 }));
        Add("interpreter path too long", "ENOEXEC", ChangeInterpreter(segment => segment with { FileSize = 4097 }));
        Add("interpreter path without end", "ENOEXEC", ChangeInterpreter(segment => segment with { FileSize = segment.FileSize - 1 }));
        Add("interpreter path beyond the end", "EIO", ChangeInterpreter(segment => segment with { Offset = 0x10000 }));
        Add(
            "interpreter path at a negative offset",
            "EINVAL",
            ChangeInterpreter(segment => segment with { Offset = ulong.MaxValue - 100 }));
        Add("interpreter missing", "ENOENT", TestElf.CreateDynamic("/no/such/interpreter"));
        Add("executable stack", Runs, AddSegment(new ElfSegment(ElfSegmentType.GnuStack, (ElfSegmentFlags)7, 0, 0, 0, 0, 16)));
        Add("unknown segment types", Runs, AddSegment(
            new ElfSegment((ElfSegmentType)0x6FFF_1234, (ElfSegmentFlags)7, ulong.MaxValue, ulong.MaxValue, ulong.MaxValue, 0, 3)));
        Add("unreadable flags", Runs, ChangeLoad(load => load with { Flags = ElfSegmentFlags.Execute }));
        Add("bss behind a read-only segment", Runs, ChangeLoad(load => load with { MemorySize = load.FileSize + 0x3000 }));
        AddBytes("whole file, odd address", Runs, TestElf.CreateStatic()
            .With(0, load => load with { Offset = 0x123, VirtualAddress = TestElf.Base + 0x123, FileSize = 0xE9, MemorySize = 0xE9 })
            .ToArray());
        return cases;
    }

    private static TestElf Change(Action<TestElf> change)
    {
        TestElf elf = TestElf.CreateStatic();

        // Room for a table anywhere up to here.
        elf.Contents.Add((0x400, new byte[0x100]));
        elf.Entry = TestElf.Base + TestElf.CodeOffset;
        change(elf);
        return elf;
    }

    private static TestElf ChangeLoad(Func<ElfSegment, ElfSegment> change) => TestElf.CreateStatic().With(0, change);

    private static TestElf ChangePieLoad(Func<ElfSegment, ElfSegment> change) => TestElf.CreateStaticPie().With(0, change);

    private static TestElf ChangeInterpreter(Func<ElfSegment, ElfSegment> change) =>
        TestElf.CreateDynamic("/no/such/interpreter").With(0, change);

    private static TestElf AddSegment(ElfSegment segment)
    {
        TestElf elf = TestElf.CreateStatic();
        elf.Segments.Add(segment);
        return elf;
    }
}

using System.Buffers.Binary;
using System.Text;
using CsCheck;
using Semitone.Cli;
using Semitone.Cli.Libraries;

namespace Semitone.Unit.Cli;

public sealed class LibraryFinderTests : IDisposable
{
    private const string Linker = "/lib64/ld-linux-x86-64.so.2";
    private const string MuslLinker = "/lib/ld-musl-x86_64.so.1";

    private static readonly SyntheticElf s_linker = new() { SoName = "ld-linux-x86-64.so.2" };

    private readonly TemporaryTree _tree = new();

    public void Dispose() => _tree.Dispose();

    [Fact]
    public void Find_StaticProgram_NeedsNothing()
    {
        _tree.Add("/a", new SyntheticElf());
        Assert.Empty(Find("/a").Paths);
    }

    [Fact]
    public void Find_LibrariesOfLibraries_AreFoundOnceInDefaultFolders()
    {
        _tree.Add(Linker, s_linker)
            .Add("/a", Program("libb.so", "libc.so.6"))
            .Add("/usr/lib/x86_64-linux-gnu/libb.so", new SyntheticElf { Needed = ["libc.so.6", "ld-linux-x86-64.so.2"] })
            .Add("/lib/x86_64-linux-gnu/libc.so.6", new SyntheticElf { SoName = "libc.so.6", Needed = ["ld-linux-x86-64.so.2"] });
        LibrarySet found = Find("/a");
        Assert.Equal([Linker, "/usr/lib/x86_64-linux-gnu/libb.so", "/lib/x86_64-linux-gnu/libc.so.6"], found.Paths);
        Assert.Empty(found.Missing);
    }

    [Fact]
    public void Find_MissingLibraries_AreAllNamedWithWhoNeedsThem()
    {
        _tree.Add(Linker, s_linker).Add("/a", Program("libb.so", "libx.so")).Add("/lib/libb.so", new SyntheticElf { Needed = ["liby.so"] });
        Assert.Equal([("libx.so", "/a"), ("liby.so", "/lib/libb.so")], Find("/a").Missing);
    }

    [Fact]
    public void Find_RPath_IsInheritedAndComesBeforeTheLibraryPath()
    {
        _tree.Add(Linker, s_linker)
            .Add("/opt/bin/a", Program("libb.so") with { RPath = "$ORIGIN/../lib" })
            .Add("/opt/lib/libb.so", new SyntheticElf { Needed = ["libc.so"] })
            .Add("/opt/lib/libc.so", new SyntheticElf())
            .Add("/env/libb.so", new SyntheticElf());
        Assert.Equal([Linker, "/opt/bin/../lib/libb.so", "/opt/bin/../lib/libc.so"], Find("/opt/bin/a", "/env").Paths);
    }

    [Fact]
    public void Find_RunPath_IsNotInheritedAndComesAfterTheLibraryPath()
    {
        _tree.Add(Linker, s_linker)
            .Add("/opt/a", Program("libb.so") with { RunPath = "/opt", RPath = "/never" })
            .Add("/never/libb.so", new SyntheticElf())
            .Add("/opt/libb.so", new SyntheticElf())
            .Add("/opt/libc.so", new SyntheticElf())
            .Add("/env/libb.so", new SyntheticElf { Needed = ["libc.so"] });
        LibrarySet found = Find("/opt/a", "/env");
        Assert.Equal([Linker, "/env/libb.so"], found.Paths);
        Assert.Equal([("libc.so", "/env/libb.so")], found.Missing);
        Assert.Equal("/env", found.SearchPath);
    }

    [Theory]
    [InlineData("${ORIGIN}/x")]
    [InlineData("/nowhere:/opt/$LIB")]
    [InlineData("/opt/$PLATFORM/${LIB}")]
    public void Find_Tokens_AreReplaced(string runPath)
    {
        string folder = runPath.Replace("${ORIGIN}", "/opt", StringComparison.Ordinal).Replace("/nowhere:", "", StringComparison.Ordinal)
            .Replace("${LIB}", "lib64", StringComparison.Ordinal).Replace("$LIB", "lib/x86_64-linux-gnu", StringComparison.Ordinal)
            .Replace("$PLATFORM", "haswell", StringComparison.Ordinal);
        _tree.Add(Linker, s_linker)
            .Add("/opt/a", Program("libb.so") with { RunPath = runPath })
            .Add(folder + "/libb.so", new SyntheticElf());
        Assert.Equal([Linker, folder + "/libb.so"], Find("/opt/a").Paths);
    }

    [Fact]
    public void Find_LibraryOfAnotherMachine_IsPassedOver()
    {
        _tree.Add(Linker, s_linker).Add("/a", Program("libb.so"))
            .Add("/lib/x86_64-linux-gnu/libb.so", new SyntheticElf { Machine = 3 })
            .Add("/usr/lib/libb.so", new SyntheticElf());
        Assert.Equal([Linker, "/usr/lib/libb.so"], Find("/a").Paths);
    }

    [Fact]
    public void Find_CacheEntry_ComesBeforeDefaultFoldersAndCacheIsPackedForLibc()
    {
        _tree.Add(Linker, s_linker).Add("/a", Program("libb.so", "libc.so.6"))
            .Add("/usr/local/lib/libb.so", new SyntheticElf())
            .Add("/lib/libb.so", new SyntheticElf())
            .Add("/lib/libc.so.6", new SyntheticElf())
            .Add("/etc/ld.so.cache", BuildCache(("libb.so", "/usr/local/lib/libb.so", 0x303)));
        Assert.Equal([Linker, "/usr/local/lib/libb.so", "/lib/libc.so.6", "/etc/ld.so.cache"], Find("/a").Paths);
    }

    [Fact]
    public void Find_NoDefaultLibraries_SearchesNeitherCacheNorDefaultFolders()
    {
        _tree.Add(Linker, s_linker)
            .Add("/a", Program("libb.so") with { NoDefaultLibraries = true })
            .Add("/lib/libb.so", new SyntheticElf());
        Assert.Equal([("libb.so", "/a")], Find("/a").Missing);
    }

    [Fact]
    public void Find_ProgramThatEndsThreads_GetsTheLibraryThatGlibcOpensThen()
    {
        _tree.Add(Linker, s_linker).Add("/a", Program("libc.so.6") with { Contains = "\0pthread_exit" })
            .Add("/lib/libc.so.6", new SyntheticElf { SoName = "libc.so.6" })
            .Add("/lib/libgcc_s.so.1", new SyntheticElf());
        Assert.Contains("/lib/libgcc_s.so.1", Find("/a").Paths);
    }

    [Fact]
    public void Find_Musl_ServesItsOwnNamesAndReadsItsPathFile()
    {
        _tree.Add(MuslLinker, new SyntheticElf { SoName = "libc.so" })
            .Add("/a", new SyntheticElf { Interpreter = MuslLinker, Needed = ["libc.so", "libpthread.so.0", "libz.so"] })
            .Add("/etc/ld-musl-x86_64.path", "/there:/here\n")
            .Add("/here/libz.so", new SyntheticElf())
            .Add("/usr/lib/libz.so", new SyntheticElf());
        LibrarySet found = Find("/a");
        Assert.Equal([MuslLinker, "/etc/ld-musl-x86_64.path", "/here/libz.so"], found.Paths);
        Assert.Empty(found.Missing);
    }

    [Fact]
    public void Find_MissingInterpreter_IsStatus127()
    {
        _tree.Add("/a", Program());
        CommandFailedException failure = Assert.Throws<CommandFailedException>(() => Find("/a"));
        Assert.Equal(ExitStatus.NotFound, failure.Status);
        Assert.Contains(Linker, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Find_NoElf_IsStatus126()
    {
        _tree.Add("/a", "text");
        Assert.Equal(ExitStatus.CannotRun, Assert.Throws<CommandFailedException>(() => Find("/a")).Status);
    }

    [Fact]
    public void Parse_CacheOfAnotherLibraryType_IsIgnored()
    {
        LinkerCache cache = LinkerCache.Parse(
            BuildCache(("libb.so", "/lib32/libb.so", 0x3), ("libb.so", "/x32/libb.so", 0x803), ("libb.so", "/lib/libb.so", 0x303)));
        Assert.Equal(["/lib/libb.so"], cache.Find("libb.so"));
    }

    [Fact]
    public void Parse_CacheBehindAnOldOne_IsFound()
    {
        byte[] old = new byte[16 + 12 + 4];
        "ld.so-1.7.0\0"u8.CopyTo(old);
        old[12] = 1;
        LinkerCache cache = LinkerCache.Parse([.. old, .. BuildCache(("libb.so", "/lib/libb.so", 0x303))]);
        Assert.Equal(["/lib/libb.so"], cache.Find("libb.so"));
    }

    [Fact]
    public void Parse_DamagedCache_NeverThrows()
    {
        byte[] good = BuildCache(("libb.so", "/lib/libb.so", 0x303), ("libc.so.6", "/lib/libc.so.6", 0x303));
        Gen.Select(Gen.Int[0, good.Length], Gen.Int[0, good.Length - 1], Gen.Byte).Sample((length, place, value) =>
        {
            byte[] damaged = (byte[])good.Clone();
            damaged[place] = value;
            LinkerCache.Parse(damaged.AsSpan(0, length)).Find("libb.so");
        });
    }

    [Fact]
    public void Find_HostPrograms_AgreesWithTheDynamicLinkersOwnList()
    {
        // The dynamic linker's answer, for a program that Debian ships.
        const string Program = "/usr/bin/python3";
        if (!File.Exists(Program) || !File.Exists(Linker))
        {
            return;
        }

        using var process = System.Diagnostics.Process.Start(
            new System.Diagnostics.ProcessStartInfo(Linker, ["--list", Program]) { RedirectStandardOutput = true })!;
        string[] expected = [.. process.StandardOutput.ReadToEnd()
            .Split('\n')
            .Where(line => line.Contains("=> /", StringComparison.Ordinal))
            .Select(line => line.Split(' ')[2])];
        LibrarySet found = new LibraryFinder("", null).Find(Program);
        Assert.NotEmpty(expected);
        Assert.Subset(found.Paths.ToHashSet(), expected.ToHashSet());
    }

    private static SyntheticElf Program(params string[] needed) => new() { Interpreter = Linker, Needed = needed };

    private LibrarySet Find(string program, string? libraryPath = null) => new LibraryFinder(_tree.Root, libraryPath).Find(program);

    private static byte[] BuildCache(params (string Name, string Path, uint Flags)[] entries)
    {
        const int HeaderSize = 48;
        const int EntrySize = 24;
        MemoryStream strings = new();
        byte[] table = new byte[HeaderSize + (entries.Length * EntrySize)];
        "glibc-ld.so.cache1.1"u8.CopyTo(table);
        BinaryPrimitives.WriteInt32LittleEndian(table.AsSpan(20), entries.Length);
        for (int i = 0; i < entries.Length; i++)
        {
            Span<byte> entry = table.AsSpan(HeaderSize + (i * EntrySize));
            BinaryPrimitives.WriteUInt32LittleEndian(entry, entries[i].Flags);
            BinaryPrimitives.WriteInt32LittleEndian(entry[4..], table.Length + (int)strings.Length);
            strings.Write(Encoding.UTF8.GetBytes(entries[i].Name + "\0"));
            BinaryPrimitives.WriteInt32LittleEndian(entry[8..], table.Length + (int)strings.Length);
            strings.Write(Encoding.UTF8.GetBytes(entries[i].Path + "\0"));
        }

        BinaryPrimitives.WriteInt32LittleEndian(table.AsSpan(24), (int)strings.Length);
        return [.. table, .. strings.ToArray()];
    }
}

namespace Semitone.Apps;

/// <summary>Files that are no programs: the status is a shell's, and one line says why.</summary>
public sealed class BadFileTests : IDisposable
{
    private static readonly byte[] s_good = File.ReadAllBytes(CompiledPrograms.Get("hello.c", ["gcc", "-O2", "-static", "-no-pie"]));

    private readonly string _root = Directory.CreateTempSubdirectory("semitone-bad-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    public static TheoryData<string, int> Cases => new()
    {
        { "empty", 126 },
        { "text", 126 },
        { "half a header", 126 },
        { "header only", 126 },
        { "32 bits", 126 },
        { "another machine", 126 },
        { "object file", 126 },
        { "huge program headers", 126 },
        { "segment over the end of the address space", 126 },
        { "not executable", 126 },
        { "a folder", 126 },
        { "missing", 127 },
        { "missing interpreter of a script", 127 },
        { "script that names itself", 126 },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Run_FileThatIsNoProgram_EndsAsAShellWould(string what, int status)
    {
        string path = Path.Combine(_root, "prog");
        Write(what, path);
        ProgramRun run = Guest.Run(["--rootfs", _root, "--", "/prog"]);
        Assert.True(status == run.Status, run.Describe());
        Assert.Equal("", run.Output);
        Assert.Single(run.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains(
            what.Contains("interpreter", StringComparison.Ordinal) ? "/nowhere/sh" : "/prog", run.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_Script_StartsItsInterpreterWithItsArgument()
    {
        Directory.CreateDirectory(Path.Combine(_root, "bin"));
        File.Copy(Path.Combine(DebianRoots.Get(["busybox-static"]), "bin", "busybox"), Path.Combine(_root, "bin", "sh"));
        WriteProgram(Path.Combine(_root, "prog"), "#!/bin/sh -e\necho \"$0 $# $1\"\nfalse\necho never\n"u8.ToArray());
        ProgramRun run = Guest.Run(["--rootfs", _root, "--", "/prog", "one", "two"]);
        Assert.Equal(("/prog 2 one\n", 1), (run.Output, run.Status));
    }

    [Fact]
    public void Run_TruncatedProgram_EndsByItselfWhereverItIsCut()
    {
        // What Linux does with these depends on what the rest still needs: it loads, and dies of a signal, or it does not. Here: no hang
        // and no panic.
        foreach (int length in (int[])[63, 64, 100, 119, 120, 500, 4095, 4096, 4097, s_good.Length / 2])
        {
            WriteProgram(Path.Combine(_root, "prog"), s_good[..length]);
            ProgramRun native = ProgramRun.Of([.. NativeRoot.Enter(_root), "/prog"]);
            ProgramRun run = Guest.Run(["--rootfs", _root, "--", "/prog"]);

            // When chroot(1) cannot start the program, the status is its own and, as execvp(3) tries a shell for what is no program, that
            // of a missing shell. Where Linux finds out too late to go back to the caller it kills by SIGSEGV; for the first program of a
            // machine an error can be told.
            bool isLate = native.Status == 139 && run.Status == 126;
            int expected = native.Errors.Contains("chroot:", StringComparison.Ordinal) ? 126 : native.Status;
            Assert.True(expected == run.Status
                || isLate, $"cut at {length}: natively: {native.Describe()}\nin the machine: {run.Describe()}");
        }
    }

    private static void Write(string what, string path)
    {
        byte[] good = (byte[])s_good.Clone();
        switch (what)
        {
            case "empty":
                WriteProgram(path, []);
                break;
            case "text":
                WriteProgram(path, "just text\n"u8.ToArray());
                break;
            case "half a header":
                WriteProgram(path, good[..32]);
                break;
            case "header only":
                WriteProgram(path, good[..64]);
                break;
            case "32 bits":
                good[4] = 1;
                good[18] = 3;
                WriteProgram(path, good);
                break;
            case "another machine":
                good[18] = 183;
                WriteProgram(path, good);
                break;
            case "object file":
                good[16] = 1;
                WriteProgram(path, good);
                break;
            case "huge program headers":
                good[56] = 0xFF;
                good[57] = 0xFF;
                WriteProgram(path, good);
                break;
            case "segment over the end of the address space":
                // The memory size of the first program header that is to be loaded.
                for (int header = 64; ; header += 56)
                {
                    if (BitConverter.ToUInt32(good, header) == 1)
                    {
                        BitConverter.TryWriteBytes(good.AsSpan(header + 40), 0x7FFF_FFFF_FFFF_F000UL);
                        break;
                    }
                }

                WriteProgram(path, good);
                break;
            case "not executable":
                File.WriteAllBytes(path, good);
                break;
            case "a folder":
                Directory.CreateDirectory(path);
                break;
            case "missing interpreter of a script":
                WriteProgram(path, "#!/nowhere/sh\n"u8.ToArray());
                break;
            case "script that names itself":
                WriteProgram(path, "#!/prog\n"u8.ToArray());
                break;
        }
    }

    private static void WriteProgram(string path, byte[] bytes)
    {
        File.WriteAllBytes(path, bytes);
        File.SetUnixFileMode(path, (UnixFileMode)0x1ED);
    }
}

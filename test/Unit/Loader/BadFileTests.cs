using System.ComponentModel;
using System.Diagnostics;
using Semitone.Abi;
using Semitone.Loader;
using Semitone.Unit.Elf;

namespace Semitone.Unit.Loader;

public class BadFileTests
{
    private const int SignalStatus = 128;

    [Theory]
    [MemberData(nameof(BadFileCases.Names), MemberType = typeof(BadFileCases))]
    public void Load_AnswersAsLinux(string name)
    {
        (byte[] file, string outcome) = BadFileCases.All[name];
        var fixture = new LoaderFixture();
        fixture.Add("/prog", file);
        long usedBefore = fixture.Frames.UsedCount;

        Errno error = fixture.Load("/prog", out LoadedProgram? program, out LoadFailure failure);

        switch (outcome)
        {
            case BadFileCases.Runs or BadFileCases.Dies:
                Assert.Equal(Errno.None, error);
                break;
            case BadFileCases.Killed:
                Assert.NotEqual(Errno.None, error);
                break;
            default:
                Assert.Equal(Enum.Parse<Errno>(outcome), error);
                break;
        }

        Assert.Equal(error == Errno.None, program is not null);
        if (program is null)
        {
            Assert.Equal(error, failure.Error);
            Assert.Contains("/prog", "/prog" + failure, StringComparison.Ordinal);
        }

        if (outcome == BadFileCases.Runs)
        {
            Assert.Equal(TestElf.ExitCode, LoaderFixture.ReadBytes(program!, program!.InstructionPointer, TestElf.ExitCode.Length));
        }

        // The vDSO's two pages stay for the next program.
        program?.Space.Dispose();
        Assert.InRange(fixture.Frames.UsedCount - usedBefore, 0, 2);
    }

    /// <summary>
    /// Checks the table itself against the Linux that runs the tests; on request, because Linux changes its mind between versions.
    /// </summary>
    [Fact]
    public void NativeLinux_AnswersAsTheTableSays()
    {
        Assert.SkipUnless(
            OperatingSystem.IsLinux() && Environment.GetEnvironmentVariable("SEMITONE_NATIVE_ORACLE") == "1",
            "Set SEMITONE_NATIVE_ORACLE=1 to execute the files on this Linux.");
        var wrong = new List<string>();
        foreach ((string name, (byte[] file, string outcome)) in BadFileCases.All)
        {
            string expected = outcome == BadFileCases.Killed ? BadFileCases.Dies : outcome;
            string actual = Execute(file);
            if (actual != expected)
            {
                wrong.Add($"{name}: {actual}, not {expected}");
            }
        }

        Assert.Empty(wrong);
    }

    [Fact]
    public void Load_TruncatedAtEveryByte_FailsUntilTheHeadersAreWhole()
    {
        byte[] file = TestElf.CreateDynamic("/lib/ld.so").ToArray();
        int headersEnd = 64 + (2 * 56);
        int interpreterEnd = 0x180 + "/lib/ld.so".Length + 1;
        for (int length = 0; length <= file.Length; length++)
        {
            var fixture = new LoaderFixture(256);
            fixture.Add("/prog", file[..length]);
            fixture.Add("/lib/ld.so", TestElf.CreateStaticPie().ToArray());

            Errno expected = length < headersEnd ? Errno.ENOEXEC : length < interpreterEnd ? Errno.EIO : Errno.None;
            Assert.Equal(expected, fixture.Load("/prog", out LoadedProgram? program, out _));
            program?.Space.Dispose();
        }
    }

    [Fact]
    public void Load_InterpreterTruncatedAtEveryByte_IsABadLibrary()
    {
        byte[] interpreter = TestElf.CreateStaticPie().ToArray();
        for (int length = 0; length <= interpreter.Length; length++)
        {
            var fixture = new LoaderFixture(256);
            fixture.Add("/prog", TestElf.CreateDynamic("/lib/ld.so").ToArray());
            fixture.Add("/lib/ld.so", interpreter[..length]);

            Errno expected = length < 64 ? Errno.EIO : length < 64 + 56 ? Errno.ELIBBAD : Errno.None;
            Assert.Equal(expected, fixture.Load("/prog", out LoadedProgram? program, out LoadFailure failure));
            program?.Space.Dispose();
            if (expected != Errno.None)
            {
                Assert.StartsWith("/prog: Failed to load program interpreter /lib/ld.so: ", failure.ToString(), StringComparison.Ordinal);
            }
        }
    }

    private static string Execute(byte[] file)
    {
        string path = Path.Combine(Path.GetTempPath(), "semitone-exec-" + Guid.NewGuid().ToString("N"));
        File.WriteAllBytes(path, file);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        }

        try
        {
            using Process process = Process.Start(new ProcessStartInfo(path) { RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode switch
            {
                TestElf.ExitStatus => BadFileCases.Runs,
                > SignalStatus => BadFileCases.Dies,
                int status => "status " + status,
            };
        }
        catch (Win32Exception e)
        {
            return ((Errno)e.NativeErrorCode).ToString();
        }
        finally
        {
            File.Delete(path);
        }
    }
}

using System.Diagnostics;

namespace Semitone.Unit.Support;

/// <summary>The C compiler of this machine, as the oracle of the ABI.</summary>
internal static class CCompiler
{
    /// <summary>Compiles and runs a program; skips the test where there is no compiler.</summary>
    /// <returns>What it printed.</returns>
    public static string Run(string source)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/gcc"), "there is no gcc on this machine");
        Assert.SkipUnless(File.Exists("/usr/include/linux/stat.h"), "there are no Linux headers on this machine");
        DirectoryInfo directory = Directory.CreateTempSubdirectory("semitone-abi-");
        try
        {
            string sourceFile = Path.Combine(directory.FullName, "program.c");
            string program = Path.Combine(directory.FullName, "program");
            File.WriteAllText(sourceFile, source);
            Execute("/usr/bin/gcc", ["-std=gnu11", "-w", "-o", program, sourceFile]);
            return Execute(program, []);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static string Execute(string program, string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} ended with {process.ExitCode}: {errors.GetAwaiter().GetResult()}");
        return output;
    }
}

using System.Diagnostics;
using System.Text;

namespace Semitone.Apps;

/// <summary>What a program did: its output, byte for byte, and its status.</summary>
/// <param name="Output">Standard output, each byte one character.</param>
/// <param name="Errors">Standard error likewise.</param>
/// <param name="Status">128 + N after signal N.</param>
internal sealed record ProgramRun(string Output, string Errors, int Status, bool HasHung)
{
    /// <summary>Runs a command on the host.</summary>
    /// <param name="environment">The whole environment; null for ours.</param>
    public static ProgramRun Of(
        IEnumerable<string> command,
        string input = "",
        IEnumerable<string>? environment = null,
        TimeSpan? limit = null,
        string? folder = null)
    {
        ProcessStartInfo start = new(command.First(), command.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.Latin1,
            StandardErrorEncoding = Encoding.Latin1,
            StandardInputEncoding = Encoding.Latin1,
            WorkingDirectory = folder ?? "/",
        };
        if (environment is not null)
        {
            start.Environment.Clear();
            foreach (string variable in environment)
            {
                string[] parts = variable.Split('=', 2);
                start.Environment[parts[0]] = parts[1];
            }
        }

        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        try
        {
            process.StandardInput.Write(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It does not read, or has ended.
        }

        bool hasEnded = process.WaitForExit(limit ?? TimeSpan.FromMinutes(3));
        if (!hasEnded)
        {
            process.Kill(entireProcessTree: true);
        }

        process.WaitForExit();
        return new ProgramRun(output.GetAwaiter().GetResult(), errors.GetAwaiter().GetResult(), process.ExitCode, !hasEnded);
    }

    public string Describe() =>
        $"status {Status}{(HasHung ? " after it was killed because it hung" : "")}\n--- standard output\n{Output}\n--- standard "
            + $"error\n{Errors}\n";
}

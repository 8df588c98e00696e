using System.Globalization;
using System.Text;
using Semitone.Cli.Packing;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Kvm;

/// <summary>
/// Where an answer is kept: a file of the user's, which is worth nothing after the host's next boot, or under another kernel, device, user,
/// QEMU or build of this command.
/// </summary>
/// <param name="path">The file; null when this user has no place for such things.</param>
/// <param name="key">What the answer holds for.</param>
/// <remarks>
/// Three lines: the key, the end of its validity in seconds since 1970 or <c>-</c>, and the answer as <see cref="ProbeReport"/> writes it.
/// </remarks>
internal sealed class KvmAnswerStore(string? path, string key)
{
    private const string Forever = "-";

    /// <summary>Finds the file, and what an answer depends on.</summary>
    public static KvmAnswerStore Find(string device, string qemu) => new(FindFile(HostEnvironment.Get), DescribeHost(device, qemu));

    /// <summary>Reads what is kept.</summary>
    /// <returns>Null when that is nothing, or about something else.</returns>
    public KvmAnswer? Read()
    {
        if (path is null)
        {
            return null;
        }

        try
        {
            string[] lines = File.ReadAllText(path).Split('\n');
            bool isValid = lines.Length >= 3 && lines[0] == key
                && (lines[1] == Forever || (long.TryParse(lines[1], CultureInfo.InvariantCulture, out long end)
                    && DateTimeOffset.UtcNow.ToUnixTimeSeconds() < end));
            return isValid ? ProbeReport.Parse(lines[2] + "\n").Answer : null;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Keeps an answer, if that can be: it saves time and nothing else.</summary>
    /// <param name="answer">The answer.</param>
    /// <param name="validity">Null for as long as the key holds.</param>
    public void Write(KvmAnswer answer, TimeSpan? validity)
    {
        if (path is null)
        {
            return;
        }

        string end = validity is { } time
            ? (DateTimeOffset.UtcNow + time).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture)
            : Forever;
        string temporary = $"{path}.{Environment.ProcessId}";
        string[] made = [];
        try
        {
            made = FindMissing(Path.GetDirectoryName(path));
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            try
            {
                File.WriteAllText(temporary, $"{key}\n{end}\n{ProbeReport.FormatAnswer(answer)}", new UTF8Encoding(false));
                File.Move(temporary, path, overwrite: true);
            }
            catch
            {
                File.Delete(temporary);
                throw;
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // A full or read-only disk, somebody else's folder: the next run asks again.
            RemoveEmpty(made);
        }
    }

    /// <summary>Finds the folders that are to be made for one, the innermost first.</summary>
    private static string[] FindMissing(string? folder)
    {
        List<string> missing = [];
        for (; folder is not null && !Directory.Exists(folder); folder = Path.GetDirectoryName(folder))
        {
            missing.Add(folder);
        }

        return [.. missing];
    }

    /// <summary>Removes what was made for nothing.</summary>
    private static void RemoveEmpty(string[] folders)
    {
        try
        {
            foreach (string folder in folders)
            {
                Directory.Delete(folder);
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // It was not made, or another command has put something in there.
        }
    }

    /// <summary>
    /// Finds the file's place as the XDG base directory specification has it: of this session, else among the caches. A home that is not
    /// there is not made.
    /// </summary>
    internal static string? FindFile(Func<string, string?> getVariable)
    {
        string name = $"kvm-{LibC.geteuid()}";
        if (getVariable("XDG_RUNTIME_DIR") is { } runtime && Path.IsPathRooted(runtime) && Directory.Exists(runtime))
        {
            return Path.Combine(runtime, "semitone", name);
        }

        if (getVariable("XDG_CACHE_HOME") is { } caches && Path.IsPathRooted(caches))
        {
            return Directory.Exists(Path.GetDirectoryName(caches.TrimEnd('/'))) ? Path.Combine(caches, "semitone", name) : null;
        }

        return getVariable("HOME") is { } home && Path.IsPathRooted(home) && Directory.Exists(home)
            ? Path.Combine(home, ".cache", "semitone", name)
            : null;
    }

    private static string DescribeHost(string device, string qemu)
    {
        string build = typeof(KvmAnswerStore).Assembly.ManifestModule.ModuleVersionId.ToString("N");
        return string.Join(
            ' ', "semitone-kvm", build, ReadLine("/proc/sys/kernel/random/boot_id"), ReadLine(
                "/proc/sys/kernel/osrelease"), ReadLine("/proc/sys/kernel/version").Replace(' ', '_'),
            LibC.geteuid(), DescribeFile(device), DescribeFile(HostPrograms.Find(qemu) ?? qemu));
    }

    private static string DescribeFile(string file) =>
        FileStatus.TryRead(ResolvedPath.Get(Path.GetFullPath(file)) ?? file, out FileStatus status)
            ? $"{file.Replace('\n', '?')}={status.Device:x}:{status.Inode}:{status.DeviceMajor}:{status.DeviceMinor}"
                + $":{status.Mode:x}:{status.Uid}:{status.Gid}:{status.Size}:{status.ModifiedTime}"
            : file.Replace('\n', '?');

    private static string ReadLine(string file)
    {
        try
        {
            return File.ReadAllText(file).TrimEnd();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return "?";
        }
    }
}

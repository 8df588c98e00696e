using System.Text;
using Microsoft.Win32.SafeHandles;
using Semitone.Abi;
using Semitone.Elf;

namespace Semitone.Cli.Libraries;

/// <summary>A program or library of the host with what it asks of the dynamic linker.</summary>
internal sealed class ElfObject
{
    private ElfObject(string path)
    {
        Path = path;
    }

    /// <summary>Absolute, as it was found: not resolved.</summary>
    public string Path { get; }

    public string? Interpreter { get; private init; }

    public IReadOnlyList<string> Needed { get; private init; } = [];

    public string? SoName { get; private init; }

    /// <summary>DT_RPATH; null where it does not count because there is a DT_RUNPATH.</summary>
    public string? RPath { get; private init; }

    public string? RunPath { get; private init; }

    public bool IgnoresDefaultPaths { get; private init; }

    /// <summary>The object that needed this one first; null for the program.</summary>
    public ElfObject? NeededBy { get; private init; }

    /// <summary>Reads an object.</summary>
    /// <param name="path">Absolute.</param>
    /// <param name="neededBy">The object that needed it first; null for the program.</param>
    /// <param name="result">The object, when it is one for this machine.</param>
    /// <param name="problem">What is wrong otherwise; null when there is no such file.</param>
    public static bool TryRead(string path, ElfObject? neededBy, out ElfObject? result, out string? problem)
    {
        result = null;
        problem = null;
        SafeFileHandle handle;
        try
        {
            handle = File.OpenHandle(path);
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            problem = failure.Message;
            return false;
        }

        using (handle)
        {
            FileElfSource source = new(handle);
            if (ElfFile.Read(source, out ElfFile? file, out ElfDefect defect) != Errno.None || !file!.Header.IsClass64)
            {
                problem = Describe(defect);
                return false;
            }

            if (file.ReadInterpreter(source, out byte[]? interpreter, out defect) != Errno.None)
            {
                problem = Describe(defect);
                return false;
            }

            if (ElfDynamic.Read(source, file, out ElfDynamic? dynamic) != Errno.None)
            {
                problem = "its dynamic section is damaged";
                return false;
            }

            result = new ElfObject(path)
            {
                Interpreter = Decode(interpreter),
                Needed = dynamic is null ? [] : [.. dynamic.Needed.Select(name => Decode(name)!)],
                SoName = Decode(dynamic?.SoName),
                RPath = dynamic?.RunPath is null ? Decode(dynamic?.RPath) : null,
                RunPath = Decode(dynamic?.RunPath),
                IgnoresDefaultPaths = dynamic?.IgnoresDefaultPaths ?? false,
                NeededBy = neededBy,
            };
            return true;
        }
    }

    /// <summary>Tells whether the object calls pthread_exit(3) or pthread_cancel(3), by the names in its string table.</summary>
    /// <remarks>The table stands near the start of the file; a name that is found elsewhere costs one library too many.</remarks>
    public bool EndsThreads()
    {
        const int SearchedBytes = 4 << 20;
        try
        {
            using SafeFileHandle handle = File.OpenHandle(Path);
            byte[] start = new byte[(int)Math.Min(RandomAccess.GetLength(handle), SearchedBytes)];
            int length = RandomAccess.Read(handle, start, 0);
            ReadOnlySpan<byte> bytes = start.AsSpan(0, length);
            return bytes.IndexOf("pthread_exit\0"u8) >= 0 || bytes.IndexOf("pthread_cancel\0"u8) >= 0;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static string? Decode(byte[]? text) => text is null ? null : Encoding.UTF8.GetString(text);

    private static string Describe(ElfDefect defect) => defect switch
    {
        ElfDefect.MachineMismatch => "it is made for another machine than x86-64",
        ElfDefect.NotElf => "it is no ELF file",
        ElfDefect.BadType => "it is an ELF file but neither a program nor a shared object",
        ElfDefect.BadInterpreterPath or ElfDefect.TruncatedInterpreterPath => "the path of its interpreter is damaged",
        _ => "it is a damaged or 32-bit ELF file",
    };
}

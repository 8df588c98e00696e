using Semitone.Cli.Archives;
using Semitone.Cli.Packing;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Running;

/// <summary>The root file system and the command with which the guest starts.</summary>
/// <param name="Archive">The root file system, open; null in plans that nobody runs, and where the root is shared.</param>
/// <param name="ArchivePath">The path by which QEMU opens the archive; null where there is none.</param>
/// <param name="ArchiveBytes">Its size.</param>
/// <param name="Command">Program and arguments.</param>
/// <param name="Environment">The variables that packing gives rise to.</param>
internal sealed record GuestProgram(
    FileStream? Archive, string? ArchivePath, long ArchiveBytes, IReadOnlyList<string> Command, IReadOnlyList<string> Environment)
{
    /// <summary>How a child of ours names the descriptor that it gets from us.</summary>
    public const string InheritedPath = "/proc/self/fd/3";

    /// <summary>Memory that the program needs by experience, besides what the archive takes; 0 for the usual.</summary>
    public long MemoryBytes { get; init; }

    /// <summary>Where the program starts; null to leave that to <c>$PWD</c>.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary>Who it runs as; null for root.</summary>
    public GuestUser? User { get; init; }

    /// <summary>Packs what a request names.</summary>
    /// <param name="kernelEnd">Where the kernel ends in physical memory.</param>
    public static GuestProgram Prepare(RunRequest request, long kernelEnd)
    {
        RootLimit limit = RootLimit.Find(request, kernelEnd, RootLimit.ReadAvailableBytes());
        if (request.RootFileSystem is { } root)
        {
            IReadOnlyList<string> command = [request.Program, .. request.Arguments];
            if (request.SharesRoot)
            {
                return Share(request, root, command);
            }

            return IsProgram(root)
                ? OpenProgram(request, root, command)
                : Pack(request, limit, (writer, report) =>
                {
                    FillFrom(root, writer, limit.Within(request, kernelEnd));
                    report.Add("root file system", root);
                    return new PackedCommand(command, [], MemoryBytes: 0);
                });
        }

        string folder = HostFile.CurrentDirectory;
        return Pack(request, limit, (writer, report) =>
        {
            PackedCommand packed = new ProgramPacker(writer, report).Pack(request.Program, request.Arguments, request.Environment);
            writer.AddFolder(folder, permissions: 0x1ED);
            return packed with { Environment = [$"PWD={folder}", .. packed.Environment] };
        });
    }

    /// <summary>Takes a folder as it is: everything is there, and nothing is added to it.</summary>
    private static GuestProgram Share(RunRequest request, string root, IReadOnlyList<string> command)
    {
        if (request.Includes.Count > 0 || request.KeepInitialRamDisk is not null)
        {
            throw new CommandFailedException(
                ExitStatus.Usage, "--include and --keep-initrd are for roots that are packed; with --rootfs-type 9pfs nothing is");
        }

        return new GuestProgram(Archive: null, ArchivePath: null, ArchiveBytes: 0, command, GetWorkingDirectoryVariable(request))
        {
            WorkingDirectory = request.WorkingDirectory,
            User = request.User is { } name ? GuestUser.Find(name, path => ReadFileBelow(root, path)) : null,
        };
    }

    /// <summary>Reads a file of a folder that is to be a root; none where a link might lead out of it.</summary>
    private static byte[]? ReadFileBelow(string root, string path)
    {
        string folder = root + Path.GetDirectoryName(path);
        string file = root + path;
        return FileStatus.TryRead(folder, out FileStatus parent) && parent.IsDirectory
            && FileStatus.TryRead(file, out FileStatus status) && status.IsRegular
            && HostFile.TryReadAll(file, out byte[] content)
            ? content
            : null;
    }

    private static void FillFrom(string root, RootFileSystemWriter writer, RootLimit limit)
    {
        if (HostFile.IsFolder(root))
        {
            TreeSize.Check(root, "--rootfs", limit, writer.Progress);
            writer.AddTree(root);
        }
        else
        {
            RootArchive.Unpack(root, writer);
        }
    }

    /// <summary>Tells whether the root file system is to be one static program, which the kernel takes as it is.</summary>
    private static bool IsProgram(string root)
    {
        if (HostFile.IsFolder(root))
        {
            return false;
        }

        if (!HostFile.Exists(root))
        {
            // What comes out of a fifo may never end.
            throw new CommandFailedException(ExitStatus.Usage, $"--rootfs: {root} is neither a folder nor a file");
        }

        try
        {
            using FileStream file = HostFile.OpenStream(root);
            Span<byte> magic = stackalloc byte[4];
            return file.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false) == magic.Length
                && magic.SequenceEqual<byte>([0x7F, (byte)'E', (byte)'L', (byte)'F']);
        }
        catch (IOException failure)
        {
            throw new CommandFailedException(ExitStatus.Usage, $"--rootfs: {root} cannot be read: {failure.Message}");
        }
    }

    private static GuestProgram OpenProgram(RunRequest request, string root, IReadOnlyList<string> command)
    {
        if (request.Includes.Count > 0 || request.User is not null)
        {
            throw new CommandFailedException(
                ExitStatus.Usage, $"--rootfs: {root} is a program, with which --include and --user do not work");
        }

        FileStream program = HostFile.OpenStream(root);
        return new GuestProgram(program, InheritedPath, program.Length, command, GetWorkingDirectoryVariable(request))
        {
            WorkingDirectory = request.WorkingDirectory
        };
    }

    private static string[] GetWorkingDirectoryVariable(RunRequest request) =>
        request.WorkingDirectory is { } directory ? [$"PWD={directory}"] : [];

    private static FileStream CreateKept(string path)
    {
        try
        {
            FileStream file = HostFile.Create(path);
            return file.CanSeek ? file : throw new IOException("it is no regular file");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailedException(ExitStatus.Usage, $"--keep-initrd: {path} cannot be written: {failure.Message}");
        }
    }

    private static GuestProgram Pack(
        RunRequest request, RootLimit limit, Func<RootFileSystemWriter, PackingReport, PackedCommand> fill)
    {
        FileStream archive = request.KeepInitialRamDisk is { } kept
            ? CreateKept(kept)
            : MemoryFile.Create("semitone-rootfs");
        PackingProgress progress = PackingProgress.ForStandardError(request is { Quiet: true, Verbose: false });
        try
        {
            RootFileSystemWriter writer = new(archive) { Progress = progress, Limit = limit };
            PackingReport report = new(writer);
            PackedCommand contents = fill(writer, report);
            foreach (IncludedPath include in request.Includes)
            {
                if (HostFile.IsFolder(include.Source))
                {
                    TreeSize.Check(include.Source, "--include", limit with { Bytes = limit.Bytes - writer.Length }, progress);
                }

                writer.AddAs(include.Source, include.Target);
                report.Add("included", include.Source == include.Target ? include.Source : $"{include.Source} as {include.Target}");
            }

            GuestUser? user = request.User is { } name ? GuestUser.Find(name, writer.ReadFile) : null;
            if (request.WorkingDirectory is { } directory)
            {
                writer.AddFolder(directory, permissions: 0x1ED);
            }

            writer.Finish();
            foreach (string line in report.Describe(request.Verbose))
            {
                progress.Say(line);
            }

            string path = request.KeepInitialRamDisk is { } keptPath ? HostFile.GetFullPath(keptPath) : InheritedPath;
            return new GuestProgram(archive, path, writer.Length, contents.Command, [
                .. contents.Environment, .. GetWorkingDirectoryVariable(request)
            ])
            {
                MemoryBytes = contents.MemoryBytes,
                WorkingDirectory = request.WorkingDirectory,
                User = user,
            };
        }
        catch (ArgumentOutOfRangeException failure)
        {
            // What .NET makes of EFBIG, the limit on the size of files.
            RemoveUnfinished(request.KeepInitialRamDisk);
            throw new CommandFailedException(ExitStatus.Usage, $"the root file system cannot be packed: {failure.Message}");
        }
        catch
        {
            RemoveUnfinished(request.KeepInitialRamDisk);
            throw;
        }
        finally
        {
            progress.Finish();
        }
    }

    /// <summary>Removes half an archive: the disk is full, or something cannot be packed.</summary>
    private static void RemoveUnfinished(string? path)
    {
        if (path is not null && FileStatus.TryRead(path, out FileStatus status) && status.IsRegular)
        {
            LibC.unlink(HostText.ToCString(path));
        }
    }
}

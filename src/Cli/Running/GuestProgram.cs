using Semitone.Cli.Packing;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Running;

/// <summary>The root file system and the command with which the guest starts.</summary>
/// <param name="Archive">The packed root file system, of ours; null when <paramref name="ArchivePath"/> is the user's own file.</param>
/// <param name="ArchivePath">The path by which QEMU opens the archive.</param>
/// <param name="ArchiveBytes">Its size.</param>
/// <param name="Command">Program and arguments.</param>
/// <param name="Environment">The variables that packing gives rise to.</param>
internal sealed record GuestProgram(FileStream? Archive, string ArchivePath, long ArchiveBytes, IReadOnlyList<string> Command, IReadOnlyList<string> Environment)
{
    /// <summary>How a child of ours names the descriptor that it gets from us.</summary>
    private const string InheritedPath = "/proc/self/fd/3";

    /// <summary>Packs what a request names, or takes the archive that it names.</summary>
    public static GuestProgram Prepare(RunRequest request)
    {
        if (request.RootFileSystem is { } root)
        {
            IReadOnlyList<string> command = [request.Program, .. request.Arguments];
            if (!Directory.Exists(root))
            {
                return new GuestProgram(null, Path.GetFullPath(root), GetArchiveSize(root), command, []);
            }

            return Pack(request, command, writer => { writer.AddTree(root); return []; });
        }

        string folder = GetWorkingDirectory();
        string program = HostPrograms.Find(request.Program) ?? throw new CommandFailedException(ExitStatus.NotFound, $"{request.Program}: not found");

        // A program is called by the name that the user typed, as a shell would; where that is relative, it is so to the folder that we are in.
        string name = request.Program.Contains('/') ? request.Program : program;
        return Pack(request, [name, .. request.Arguments], writer =>
        {
            ProgramPacker packer = new(writer);
            packer.Add(program);
            writer.AddFolder(folder, permissions: 0x1ED);
            List<string> environment = [$"PWD={folder}"];
            if (packer.LibraryPath is { } libraryPath)
            {
                environment.Add($"LD_LIBRARY_PATH={libraryPath}");
            }

            return environment;
        });
    }

    private static string GetWorkingDirectory()
    {
        try
        {
            return System.Environment.CurrentDirectory;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailedException(ExitStatus.Usage, "the working directory cannot be entered, or is there no more");
        }
    }

    private static long GetArchiveSize(string path)
    {
        string? resolved = ResolvedPath.Get(path);
        if (resolved is null || !FileStatus.TryRead(resolved, out FileStatus status) || !status.IsRegular)
        {
            // QEMU would wait for ever for what comes out of a fifo.
            throw new CommandFailedException(ExitStatus.Usage, $"--rootfs: {path} is neither a folder nor a file");
        }

        try
        {
            using FileStream archive = new(resolved, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            return archive.Length;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailedException(ExitStatus.Usage, $"--rootfs: {path} cannot be read: {failure.Message}");
        }
    }

    private static FileStream CreateKept(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Create, FileAccess.ReadWrite, FileShare.Read, bufferSize: 128 * 1024);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailedException(ExitStatus.Usage, $"--keep-initrd: {path} cannot be written: {failure.Message}");
        }
    }

    private static GuestProgram Pack(RunRequest request, IReadOnlyList<string> command, Func<RootFileSystemWriter, IReadOnlyList<string>> fill)
    {
        FileStream archive = request.KeepInitialRamDisk is { } kept
            ? CreateKept(kept)
            : MemoryFile.Create("semitone-rootfs");
        RootFileSystemWriter writer = new(archive);
        IReadOnlyList<string> environment;
        try
        {
            environment = fill(writer);
            writer.Finish();
        }
        catch
        {
            RemoveUnfinished(request.KeepInitialRamDisk);
            throw;
        }

        return new GuestProgram(archive, request.KeepInitialRamDisk is { } path ? Path.GetFullPath(path) : InheritedPath, writer.Length, command, environment);
    }

    /// <summary>Removes half an archive: the disk is full, or something cannot be packed.</summary>
    private static void RemoveUnfinished(string? path)
    {
        if (path is not null && FileStatus.TryRead(path, out FileStatus status) && status.IsRegular)
        {
            File.Delete(path);
        }
    }
}

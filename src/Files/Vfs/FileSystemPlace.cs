using Semitone.Abi;

namespace Semitone.Files;

/// <summary>Root, working directory and umask: what clone(2) shares with CLONE_FS and copies without (Linux's fs_struct).</summary>
internal sealed class FileSystemPlace(DirectoryInode root)
{
    internal DirectoryInode Root { get; set; } = root;

    internal DirectoryInode WorkingDirectory { get; set; } = root;

    internal Mode Umask { get; set; } = (Mode)0x12;

    internal FileSystemPlace Clone() => new(Root) { WorkingDirectory = WorkingDirectory, Umask = Umask };
}

namespace Semitone.Memory;

/// <summary>The file behind a memory object, as /proc/PID/maps shows it (proc(5)).</summary>
public interface IMappedFile
{
    /// <summary>Absolute path.</summary>
    string Path { get; }

    ulong InodeNumber { get; }
}

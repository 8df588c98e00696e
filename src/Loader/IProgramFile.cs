using Semitone.Memory;

namespace Semitone.Loader;

/// <summary>A file opened for execution.</summary>
public interface IProgramFile
{
    /// <summary>The file's page cache: segments are mapped straight out of it.</summary>
    MemoryObject Pages { get; }
}

namespace Semitone.Memory;

/// <summary>Somebody who is told how often a memory object is mapped: a segment of shmat(2) counts its attachments.</summary>
public interface IMappingListener
{
    /// <summary>A vma maps it, by mmap, by fork or because one was cut in two.</summary>
    void OnMapped();

    /// <summary>A vma maps it no longer.</summary>
    void OnUnmapped();
}

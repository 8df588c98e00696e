using Semitone.Abi;
using Semitone.Machine;

namespace Semitone.Memory;

/// <summary>A virtual memory area: a range of an address space whose pages are treated alike.</summary>
/// <remarks>Reused by its address space: do not keep one across a call that may change mappings.</remarks>
public sealed class Vma
{
    internal Vma(AddressSpace space)
    {
        Space = space;
    }

    /// <summary>First address.</summary>
    public ulong Start { get; internal set; }

    /// <summary>First address after it.</summary>
    public ulong End { get; internal set; }

    public ulong Length => End - Start;

    public PageAccess Access { get; internal set; }

    /// <summary>The most that mprotect(2) may ask for: a shared mapping of a file opened for reading never gets Write.</summary>
    public PageAccess MaxAccess { get; internal set; }

    public VmaFlags Flags { get; internal set; }

    /// <summary>What is mapped; null for private anonymous memory.</summary>
    public MemoryObject? Object { get; internal set; }

    /// <summary>Byte of the object that lies at <see cref="Start"/>; 0 for anonymous memory.</summary>
    public ulong ObjectOffset { get; internal set; }

    public bool IsShared => (Flags & VmaFlags.Shared) != 0;

    /// <summary>Private pages here may also be mapped elsewhere, without write access: by a file's cache or after a fork.</summary>
    internal bool MayShareFrames { get; set; }

    /// <summary>Where the next fault comes when the guest walks upwards.</summary>
    internal ulong NextSequentialFault { get; set; }

    internal AddressSpace Space { get; }

    internal Vma? NextMapping { get; set; }

    internal Vma? PreviousMapping { get; set; }

    /// <summary>Page of the object that an address of this vma shows.</summary>
    internal long GetObjectPage(ulong address) => (long)((ObjectOffset + (address - Start)) >> Paging.PageShift);

    /// <summary>Adds the vma to its object's list and takes a reference on the object.</summary>
    internal void Attach(MemoryObject target, ulong offset)
    {
        Object = target;
        ObjectOffset = offset;
        target.AddReference();
        PreviousMapping = null;
        NextMapping = target.FirstMapping;
        if (NextMapping is not null)
        {
            NextMapping.PreviousMapping = this;
        }

        target.FirstMapping = this;
        target.MappingListener?.OnMapped();
    }

    /// <summary>Undoes <see cref="Attach"/>.</summary>
    internal void Detach()
    {
        MemoryObject? target = Object;
        if (target is null)
        {
            return;
        }

        if (PreviousMapping is null)
        {
            target.FirstMapping = NextMapping;
        }
        else
        {
            PreviousMapping.NextMapping = NextMapping;
        }

        if (NextMapping is not null)
        {
            NextMapping.PreviousMapping = PreviousMapping;
        }

        NextMapping = null;
        PreviousMapping = null;
        Object = null;
        target.MappingListener?.OnUnmapped();
        target.Release();
    }
}

namespace Semitone.Machine;

/// <summary>What a guest may do with a page. Write and Execute imply that it may also read: the MMU has no other way.</summary>
[Flags]
public enum PageAccess : byte
{
    /// <summary>Present for the kernel's bookkeeping only: any guest access faults.</summary>
    None = 0,
    Read = 1,
    Write = 2,
    Execute = 4,
}

/// <summary>One page as the page table maps it.</summary>
public readonly record struct PageMapping(Frame Frame, PageAccess Access, bool IsDirty);

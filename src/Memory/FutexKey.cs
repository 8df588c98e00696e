namespace Semitone.Memory;

/// <summary>
/// What a futex word is, whatever address it is seen at: tasks that wait on the same key wait on the same word (futex(2)).
/// </summary>
/// <param name="Owner">The address space for private memory, the memory object for shared memory.</param>
/// <param name="Offset">Address, or byte of the object.</param>
public readonly record struct FutexKey(object Owner, ulong Offset);

using System.Runtime.CompilerServices;
using Semitone.Core;

namespace Semitone.Memory;

/// <content>Writes that are put off until a page has been fetched.</content>
/// <remarks>
/// A system call that has come to a page which must be fetched cannot wait there: it may be in the middle of anything. What it reads, it
/// reads before it has done anything, so it fails with EFAULT and is served again from its start. What it writes may be the answer to what
/// it has done already and cannot do twice, so the bytes are kept, and written before the program goes on.
/// </remarks>
public sealed partial class UserMemory
{
    /// <summary>The largest write that is put off: more than any structure that a call answers with.</summary>
    private const int MaximumPutOff = 16 * 1024;

    private readonly Queue<(ulong Address, byte[] Bytes)> _putOff = new();

    /// <summary>Whether there are writes that wait for a page.</summary>
    public bool HasWritesPutOff => _putOff.Count != 0;

    /// <summary>Does the writes that were put off, in their order.</summary>
    /// <param name="areLost">Whether there was one whose page could not be had, or is mapped no longer: EFAULT.</param>
    /// <returns>False when one needs a page that must be fetched still: <see cref="AddressSpace.TryTakeLack"/> tells where to
    /// wait.</returns>
    public bool TryFinishWrites(out bool areLost)
    {
        areLost = false;
        while (_putOff.TryPeek(out (ulong Address, byte[] Bytes) write))
        {
            if (CopyOut(write.Address, write.Bytes) != write.Bytes.Length)
            {
                if (_space.HasLack)
                {
                    return false;
                }

                areLost = true;
            }

            _putOff.Dequeue();
        }

        return true;
    }

    /// <summary>Keeps a write that failed for later, if a page that must be fetched is all that it lacks.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryPutOff(ulong address, ReadOnlySpan<byte> bytes)
    {
        if (!_space.HasLack || bytes.Length > MaximumPutOff || !KernelHeap.HasRoom() || !CanWrite(address, bytes.Length))
        {
            return false;
        }

        _putOff.Enqueue((address, bytes.ToArray()));
        return true;
    }

    /// <summary>Tells whether nothing but the contents of pages keeps a range from being written.</summary>
    private bool CanWrite(ulong address, int length)
    {
        for (ulong end = address + (ulong)length; address < end;)
        {
            Vma? vma = _space.FindVma(address);
            if (vma is null || (vma.Access & Machine.PageAccess.Write) == 0)
            {
                return false;
            }

            address = vma.End;
        }

        return true;
    }
}

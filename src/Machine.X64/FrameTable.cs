using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Semitone.Machine.X64;

/// <summary>What each page of physical memory is, and how often untyped ones are used.</summary>
/// <remarks>
/// <para>One word for each frame. Positive: untyped memory in use, with <see cref="OneReference"/> for each reference of a caller and
/// <see cref="OneMapping"/> for each page-table entry. Zero: free, or Metal's (the kernel, its page tables, devices, holes). Negative: a
/// frame that this assembly keeps for itself. So one comparison tells what may be mapped and read, and nothing else ever can be.</para>
/// <para>No lock: one CPU at a time runs the kernel, no interrupt is taken there, and nothing in here gives the CPU up.</para>
/// </remarks>
// SAFETY: the table has a word for each number below the limit, is never freed, and no other number gets past a check.
internal sealed unsafe class FrameTable
{
    internal const int OneReference = 1;
    internal const int OneMapping = 1 << 8;
    internal const int ReferenceMask = OneMapping - 1;

    /// <summary>The initrd's first or last frame, which holds other bytes as well: good for reading only.</summary>
    internal const int Fixed = 1 << 30;

    internal const int PageTable = -1;
    internal const int Context = -2;

    /// <summary>Devices may write to it at any time, and so it stays what it is.</summary>
    internal const int Dma = -3;

    private const int MostMappings = Fixed - OneMapping;

    private readonly MetalDoor* _door;
    private readonly int* _states;
    private readonly uint _limit;
    private readonly byte* _directMap;
    private long _usedCount;

    internal FrameTable(MetalDoor* door)
    {
        _door = door;
        _directMap = (byte*)door->DirectMap;
        _limit = (uint)door->FrameLimit;
        _states = (int*)MetalDoor.MapZeroes((nuint)_limit * sizeof(int));
        Enter(door->InitialRamDisk, door->InitialRamDiskLength);
    }

    /// <summary>The word of a frame, for tests.</summary>
    internal int this[uint number] => *Find(number);

    internal uint Limit => _limit;

    internal long UsedCount => _usedCount;

    internal long PeakUsedCount { get; private set; }

    /// <summary>Takes a frame for a caller.</summary>
    /// <returns>Its number, or 0 when memory has run out.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal uint TakeUntyped()
    {
        uint number = (uint)(_door->TakeFrame() >> 12);
        if (number != 0)
        {
            _states[number] = OneReference;
            long used = ++_usedCount;
            if (used > PeakUsedCount)
            {
                PeakUsedCount = used;
            }
        }

        return number;
    }

    /// <summary>Takes a frame of zeros for this assembly itself.</summary>
    /// <param name="kind">What it is to be: one of the negative values.</param>
    /// <returns>Its physical address, or 0 when memory has run out.</returns>
    internal ulong Take(int kind)
    {
        ulong physical = _door->TakeFrame();
        if (physical != 0)
        {
            _states[physical >> 12] = kind;
            _door->ClearPage(_directMap + physical);
        }

        return physical;
    }

    /// <summary>Takes a frame of undefined contents for devices.</summary>
    /// <returns>Its physical address, or 0 when memory has run out.</returns>
    internal ulong TakeForDevices()
    {
        ulong physical = _door->TakeFrame();
        if (physical != 0)
        {
            _states[physical >> 12] = Dma;
        }

        return physical;
    }

    /// <summary>Gives back what <see cref="Take"/> gave.</summary>
    internal void Return(ulong physical)
    {
        _states[physical >> 12] = 0;
        _door->FreeFrame(physical);
    }

    /// <summary>Counts a new page-table entry.</summary>
    /// <returns>False when there are too many.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool TryAddMapping(uint number)
    {
        int* state = Find(number);
        if ((uint)(*state - 1) >= MostMappings - 1)
        {
            return RefuseMapping(number);
        }

        *state += OneMapping;
        return true;
    }

    /// <summary>Counts a page-table entry that is gone and that no CPU can use any more.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void DropMapping(uint number)
    {
        if ((_states[number] -= OneMapping) == 0)
        {
            Free(number);
        }
    }

    internal bool TryAddReference(uint number)
    {
        int* state = Find(number);
        Require(number, *state);
        if ((*state & ReferenceMask) == ReferenceMask)
        {
            return false;
        }

        *state += OneReference;
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void DropReference(uint number)
    {
        int* state = Find(number);
        if ((*state & ReferenceMask) == 0 || *state < 0)
        {
            ThrowNotInUse(number);
        }

        *state -= OneReference;
        if (*state == 0)
        {
            Free(number);
        }
    }

    internal bool IsExclusive(uint number)
    {
        int state = *Find(number);
        Require(number, state);
        return state is OneReference or OneMapping;
    }

    /// <summary>Where bytes lie that may be read and written.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal byte* ForWriting(uint number, int offset, int count)
    {
        Require(number, *Find(number));
        RequireInPage(offset, count);
        return _directMap + ((ulong)number << 12) + offset;
    }

    /// <summary>Where bytes lie that may be read.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal byte* ForReading(uint number, int offset, int count)
    {
        if (*Find(number) <= 0)
        {
            ThrowNotInUse(number);
        }

        RequireInPage(offset, count);
        return _directMap + ((ulong)number << 12) + offset;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void RequireInPage(int offset, int count)
    {
        if ((ulong)(uint)offset + (uint)count > 4096)
        {
            ThrowNotInFrame();
        }
    }

    [DoesNotReturn]
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ThrowNotInFrame() => throw new ArgumentOutOfRangeException("count", "the bytes do not lie in one frame");

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Require(uint number, int state)
    {
        if ((uint)(state - 1) >= Fixed - 1)
        {
            ThrowNotInUse(number);
        }
    }

    [DoesNotReturn]
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ThrowNotInUse(uint number) => throw new InvalidOperationException($"frame {number} is not untyped memory in use");

    private bool RefuseMapping(uint number)
    {
        Require(number, _states[number]);
        return false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int* Find(uint number)
    {
        if (number >= _limit)
        {
            ThrowNotInUse(number);
        }

        return _states + number;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Free(uint number)
    {
        _usedCount--;
        _door->FreeFrame((ulong)number << 12);
    }

    /// <summary>Enters the initrd: what its bytes fill is memory like any other.</summary>
    private void Enter(ulong start, ulong length)
    {
        ulong end = start + length;
        if (length == 0)
        {
            return;
        }

        if (end < start || end > (ulong)_limit << 12)
        {
            Environment.FailFast("the initrd does not lie in memory");
        }

        ulong first = (start + 4095) >> 12;
        ulong last = end >> 12;
        _states[start >> 12] = Fixed;
        _states[(end - 1) >> 12] = Fixed;
        if (last > first)
        {
            new Span<int>(_states + first, (int)(last - first)).Fill(OneReference);
            _usedCount = (long)(last - first);
            PeakUsedCount = _usedCount;
        }
    }
}

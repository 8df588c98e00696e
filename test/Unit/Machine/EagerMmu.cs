using Semitone.Abi;

namespace Semitone.Unit.Machine;

/// <summary>
/// A CPU that caches whatever it may as soon as it may: every translation of the current page table, and every table on the way (Intel SDM
/// Vol. 3A, 4.10).
/// </summary>
/// <remarks>
/// What it is not told to forget it keeps. A frame that becomes free while it is in a cache is a finding, and so is a translation that
/// allows what the tables no longer do.
/// </remarks>
internal sealed class EagerMmu
{
    private const ulong Present = 1;
    private const ulong Writable = 2;
    private const ulong NoExecute = 1UL << 63;
    private const ulong AddressMask = 0x000F_FFFF_FFFF_F000;
    private const int TopShift = 39;

    private readonly HostedPageTables _memory;
    private readonly HashSet<(ulong Address, ulong Entry)> _translations = [];
    private readonly HashSet<ulong> _tables = [];
    private ulong _root;

    public EagerMmu(HostedPageTables memory)
    {
        _memory = memory;
        _root = memory.KernelRoot;
        memory.Connect(WriteCr3, InvalidatePage, Free);
    }

    public List<string> Findings { get; } = [];

    /// <summary>Frames that became free.</summary>
    public int FreedCount { get; private set; }

    /// <summary>Times that it was told to forget something.</summary>
    public int FlushCount { get; private set; }

    /// <summary>Caches what the tables say, and looks whether anything that is cached allows more.</summary>
    public void Look(string after)
    {
        Walk(_root, TopShift, 0);
        foreach ((ulong address, ulong entry) in _translations)
        {
            ulong now = Find(address);
            bool isStale = (now & Present) == 0
                || ((now ^ entry) & AddressMask) != 0
                || (entry & ~now & Writable) != 0
                || (now & ~entry & NoExecute) != 0;
            if (isStale)
            {
                Findings.Add($"after {after} 0x{address:x} is still {entry:x} to the CPU, and is {now:x}");
            }
        }
    }

    private void WriteCr3(ulong root)
    {
        FlushCount++;
        _root = root;
        _translations.Clear();
        _tables.Clear();
        Walk(_root, TopShift, 0);
    }

    /// <summary>INVLPG drops a page's translations, and all tables from the paging-structure caches.</summary>
    private void InvalidatePage(ulong address)
    {
        FlushCount++;
        _translations.RemoveWhere(translation => translation.Address == Paging.RoundDown(address));
        _tables.Clear();
        Walk(_root, TopShift, 0);
    }

    private void Free(ulong frame)
    {
        FreedCount++;
        if (_tables.Contains(frame))
        {
            Findings.Add($"the table {frame:x} is free, and the CPU may still walk it");
        }

        foreach ((ulong address, ulong entry) in _translations.Where(translation => (translation.Entry & AddressMask) == frame))
        {
            Findings.Add($"the frame {frame:x} is free, and 0x{address:x} is still {entry:x} to the CPU");
        }
    }

    private void Walk(ulong table, int shift, ulong address)
    {
        table &= AddressMask;
        _tables.Add(table);
        for (ulong i = 0; i < (shift == TopShift ? Paging.UserEnd >> TopShift : 512); i++)
        {
            ulong entry = _memory.Read(table + i * sizeof(ulong));
            if ((entry & Present) == 0)
            {
                continue;
            }

            ulong at = address + (i << shift);
            if (shift == Paging.PageShift)
            {
                _translations.Add((at, entry));
            }
            else
            {
                Walk(entry, shift - 9, at);
            }
        }
    }

    private ulong Find(ulong address)
    {
        ulong entry = _root | Present;
        for (int shift = TopShift; shift >= Paging.PageShift && (entry & Present) != 0; shift -= 9)
        {
            entry = _memory.Read((entry & AddressMask) + (address >> shift & 511) * sizeof(ulong));
        }

        return entry;
    }
}

using Semitone.Abi;
using Semitone.Fakes;
using Semitone.Machine;
using Semitone.Memory;

namespace Semitone.Unit.Memory;

/// <summary>A fake machine with one address space, which must leave no frame behind.</summary>
internal sealed class MemoryFixture : IDisposable
{
    public const PageAccess ReadWrite = PageAccess.Read | PageAccess.Write;
    public const ulong Page = Paging.PageSize;

    private readonly long _freeAtStart;

    public MemoryFixture(int frameCount = 2048)
    {
        Machine = new FakeMachine(frameCount);
        _freeAtStart = Machine.Frames.FreeCount;
        Frames = new FramePool(Machine.Frames);
        Layout = AddressSpaceLayout.Choose(0, 8 << 20);
        Assert.True(AddressSpace.TryCreate(Machine, Frames, Layout, out AddressSpace? space));
        Space = space;
    }

    public FakeMachine Machine { get; }

    public FramePool Frames { get; }

    public AddressSpaceLayout Layout { get; }

    public AddressSpace Space { get; }

    public UserMemory Memory => Space.Memory;

    public FakePageTable Table => (FakePageTable)Space.PageTable;

    public ulong Map(
        ulong pages, PageAccess access = ReadWrite, VmaFlags flags = VmaFlags.None, MemoryObject? target = null, ulong offset = 0)
    {
        MapRequest request = new() { Length = pages * Page, Access = access, Flags = flags, Object = target, Offset = offset };
        Assert.Equal(Errno.None, Space.Map(request, out ulong address));
        return address;
    }

    public Errno MapAt(
        ulong address,
        ulong pages,
        PageAccess access = ReadWrite,
        MapOptions options = MapOptions.Fixed,
        VmaFlags flags = VmaFlags.None,
        MemoryObject? target = null,
        ulong offset = 0)
    {
        MapRequest request = new()
        {
            Address = address,
            Length = pages * Page,
            Access = access,
            Flags = flags,
            Options = options,
            Object = target,
            Offset = offset,
        };
        return Space.Map(request, out _);
    }

    public void Write(ulong address, byte value) => Assert.True(Memory.TryWrite(new UserPtr<byte>(address), value));

    public byte Read(ulong address)
    {
        Assert.True(Memory.TryRead(new UserPtr<byte>(address), out byte value));
        return value;
    }

    /// <summary>A file whose page N is filled with N + 1.</summary>
    public PageCache MakeFile(int pages)
    {
        PageCache file = new(Frames);
        for (int i = 0; i < pages; i++)
        {
            byte[] bytes = new byte[Paging.PageSize];
            Array.Fill(bytes, (byte)(i + 1));
            IoCursor cursor = IoCursor.OverKernel(bytes);
            Assert.Equal(new IoResult(Paging.PageSize, Errno.None), file.Write(i * (long)Page, ref cursor));
        }

        return file;
    }

    /// <summary>The vmas as "start+pages access flags", starts relative to an address.</summary>
    public string Describe(ulong origin)
    {
        List<string> parts = [];
        foreach (Vma vma in Space.Vmas)
        {
            parts.Add($"{(long)(vma.Start - origin) / (long)Page}+{vma.Length / Page}:{Letters(vma.Access)}");
        }

        return string.Join(' ', parts);
    }

    /// <summary>Checks what must always hold.</summary>
    public void CheckInvariants() => CheckInvariants(Space);

    public static void CheckInvariants(AddressSpace space)
    {
        ulong end = 0;
        ulong size = 0;
        int mapped = 0;
        IReadOnlyDictionary<ulong, PageMapping> pages = ((FakePageTable)space.PageTable).Pages;
        foreach (Vma vma in space.Vmas)
        {
            Assert.True(vma.Start >= end && vma.End > vma.Start, $"vma at 0x{vma.Start:x}");
            Assert.Equal(0UL, (vma.Start | vma.End | vma.ObjectOffset) & Paging.PageMask);
            Assert.Equal(vma.Object is not null, vma.Object?.IsMapped ?? false);
            end = vma.End;
            size += vma.Length;
            foreach ((ulong address, PageMapping mapping) in pages)
            {
                if (address >= vma.Start && address < vma.End)
                {
                    mapped++;
                    PageAccess possible = vma.Access == PageAccess.None ? PageAccess.None : vma.Access | PageAccess.Read;
                    Assert.Equal(PageAccess.None, mapping.Access & ~possible);
                    Assert.Equal(vma.Access == PageAccess.None, mapping.Access == PageAccess.None);
                }
            }
        }

        Assert.Equal(size, space.Size);
        Assert.Equal(mapped, pages.Count);
        Assert.Equal(pages.Count, space.ResidentPageCount);
    }

    public void Dispose()
    {
        Machine.Frames.FailAfter = null;
        CheckInvariants();
        Space.Dispose();
        Assert.Equal(_freeAtStart, Machine.Frames.FreeCount);
        Assert.Equal(0, Frames.UsedCount);
    }

    private static string Letters(PageAccess access) =>
        ((access & PageAccess.Read) != 0 ? "r" : "-") + ((access & PageAccess.Write) != 0 ? "w" : "-")
            + ((access & PageAccess.Execute) != 0 ? "x" : "-");
}

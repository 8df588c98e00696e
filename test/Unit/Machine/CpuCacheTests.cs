using Semitone.Machine;

namespace Semitone.Unit.Machine;

public sealed class CpuCacheTests
{
    private const int Intel = 0x756E_6547;
    private const int Amd = 0x6874_7541;

    private readonly Dictionary<(uint Leaf, int Subleaf), (int, int, int, int)> _leaves = [];

    /// <summary>What a Sapphire Rapids says, and what Linux makes of it.</summary>
    [Fact]
    public void Read_Leaf4_IsWhatLinuxTells()
    {
        _leaves[(0, 0)] = (0x1F, Intel, 0, 0);
        _leaves[(1, 0)] = (0, 3 << 24, 0, 0);
        _leaves[(4, 0)] = (0x0400_4121, (11 << 22) | 63, 63, 0);
        _leaves[(4, 1)] = (0x0400_4122, (7 << 22) | 63, 63, 0);
        _leaves[(4, 2)] = (0x0400_4143, (15 << 22) | 63, 2047, 0);
        _leaves[(4, 3)] = (0x0400_0163 | (7 << 14), (19 << 22) | (1 << 12) | 63, 122_879, 4);
        CpuCache[] caches = CpuCacheReader.Read(Read);
        Assert.Equal(
            [
                new CpuCache(CpuCacheType.Data, 1, 64, 1, 12, 64, 1),
                new CpuCache(CpuCacheType.Instruction, 1, 64, 1, 8, 64, 1),
                new CpuCache(CpuCacheType.Unified, 2, 64, 1, 16, 2048, 1),
                new CpuCache(CpuCacheType.Unified, 3, 64, 2, 20, 122_880, 0),
            ],
            caches);
        Assert.Equal([48, 32, 2048, 307_200], caches.Select(cache => cache.Size / 1024));
    }

    [Fact]
    public void Read_AmdWithoutExtensions_IsMadeOfTheOldLeaves()
    {
        _leaves[(0, 0)] = (13, Amd, 0, 0);
        _leaves[(0x8000_0000, 0)] = (unchecked((int)0x8000_001F), 0, 0, 0);
        _leaves[(0x8000_0005, 0)] = (0, 0, (64 << 24) | (2 << 16) | (1 << 8) | 64, (32 << 24) | (0xFF << 16) | (1 << 8) | 64);
        _leaves[(0x8000_0006, 0)] = (0, 0, (512 << 16) | (8 << 12) | (1 << 8) | 64, (32 << 18) | (0x9 << 12) | (1 << 8) | 64);
        Assert.Equal(
            [
                new CpuCache(CpuCacheType.Data, 1, 64, 1, 2, 512, 0),
                new CpuCache(CpuCacheType.Instruction, 1, 64, 1, 512, 1, 0),
                new CpuCache(CpuCacheType.Unified, 2, 64, 1, 16, 512, 0),
            ],
            CpuCacheReader.Read(Read));
    }

    [Fact]
    public void Read_AmdWithExtensions_AsksTheirLeaf()
    {
        _leaves[(0, 0)] = (13, Amd, 0, 0);
        _leaves[(0x8000_0000, 0)] = (unchecked((int)0x8000_001F), 0, 0, 0);
        _leaves[(0x8000_0001, 0)] = (0, 0, 1 << 22, 0);
        _leaves[(0x8000_001D, 0)] = (0x121, (7 << 22) | 63, 63, 0);
        Assert.Equal([new CpuCache(CpuCacheType.Data, 1, 64, 1, 8, 64, 0)], CpuCacheReader.Read(Read));
    }

    [Theory]
    [InlineData(2, Intel)]
    [InlineData(13, Intel)]
    [InlineData(13, Amd)]
    [InlineData(0, 0)]
    public void Read_NothingSaid_IsNoCache(int highest, int vendor)
    {
        _leaves[(0, 0)] = (highest, vendor, 0, 0);
        _leaves[(0x8000_0000, 0)] = (unchecked((int)0x8000_001F), 0, 0, 0);
        Assert.Empty(CpuCacheReader.Read(Read));
    }

    [Fact]
    public void Read_WithoutEnd_Ends() =>
        Assert.InRange(CpuCacheReader.Read((leaf, _) => leaf == 0 ? (4, Intel, 0, 0) : ((-1 & ~0x1F) | 3, -1, -1, -1)).Length, 1, 16);

    private (int Eax, int Ebx, int Ecx, int Edx) Read(int leaf, int subleaf) => _leaves.GetValueOrDefault(((uint)leaf, subleaf));
}

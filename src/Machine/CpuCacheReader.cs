using System.Numerics;

namespace Semitone.Machine;

/// <summary>Executes CPUID.</summary>
public delegate (int Eax, int Ebx, int Ecx, int Edx) CpuidReader(int leaf, int subleaf);

/// <summary>Finds out by CPUID which caches the processor has.</summary>
/// <remarks>
/// Leaf 4 tells (Intel SDM Vol. 2A, CPUID), with AMD leaf 0x8000001D, which has the same form, where the topology extensions are there, and
/// leaves 0x80000005 and 0x80000006 where they are not (AMD APM Vol. 3, appendix E). Linux asks in the same order.
/// </remarks>
public static class CpuCacheReader
{
    private const int HighestLeaf = 0;
    private const int Features = 1;
    private const int Parameters = 4;
    private const int HighestExtendedLeaf = unchecked((int)0x8000_0000);
    private const int ExtendedFeatures = unchecked((int)0x8000_0001);
    private const int FirstLevel = unchecked((int)0x8000_0005);
    private const int OtherLevels = unchecked((int)0x8000_0006);
    private const int ExtendedParameters = unchecked((int)0x8000_001D);
    private const int TopologyExtensions = 1 << 22;

    /// <summary>No processor has more; a hypervisor may say anything.</summary>
    private const int Most = 16;

    /// <summary>Says that a line may be anywhere in the cache.</summary>
    private const int FullyAssociative = 0xFF;

    /// <summary>Ways by their encoding in leaf 0x80000006; 0 where there is none, or where the line says that another leaf tells.</summary>
    private static ReadOnlySpan<byte> Ways => [0, 1, 2, 3, 4, 6, 8, 0, 16, 0, 32, 48, 64, 96, 128, FullyAssociative];

    /// <summary>Reads the caches, in the order in which CPUID has them; empty where it has none.</summary>
    public static CpuCache[] Read(CpuidReader cpuid)
    {
        (int highest, int vendorStart, _, _) = cpuid(HighestLeaf, 0);
        uint apicId = (uint)cpuid(Features, 0).Ebx >> 24;

        // "Auth" of AuthenticAMD, "Hygo" of HygonGenuine.
        bool isAmd = vendorStart is 0x6874_7541 or 0x6F67_7948;
        if (!isAmd)
        {
            return highest >= Parameters ? ReadParameters(cpuid, Parameters, apicId) : [];
        }

        int highestExtended = cpuid(HighestExtendedLeaf, 0).Eax;
        bool hasParameters = (uint)highestExtended >= unchecked((uint)ExtendedParameters)
            && (cpuid(ExtendedFeatures, 0).Ecx & TopologyExtensions) != 0;
        return hasParameters ? ReadParameters(cpuid, ExtendedParameters, apicId)
            : (uint)highestExtended >= unchecked((uint)OtherLevels) ? ReadDescriptors(cpuid, apicId) : [];
    }

    private static CpuCache[] ReadParameters(CpuidReader cpuid, int leaf, uint apicId)
    {
        List<CpuCache> caches = [];
        for (int i = 0; i < Most; i++)
        {
            (int eax, int ebx, int ecx, _) = cpuid(leaf, i);
            CpuCacheType type = (CpuCacheType)(eax & 0x1F);
            if (type is CpuCacheType.None or > CpuCacheType.Unified)
            {
                break;
            }

            int sharers = ((eax >>> 14) & 0xFFF) + 1;
            caches.Add(new CpuCache(
                type,
                (eax >>> 5) & 7,
                (ebx & 0xFFF) + 1,
                ((ebx >>> 12) & 0x3FF) + 1,
                (ebx >>> 22) + 1,
                (uint)ecx + 1L,
                apicId >> BitOperations.Log2(BitOperations.RoundUpToPowerOf2((uint)sharers))));
        }

        return [.. caches];
    }

    private static CpuCache[] ReadDescriptors(CpuidReader cpuid, uint apicId)
    {
        (_, _, int data, int instructions) = cpuid(FirstLevel, 0);
        (_, _, int second, int third) = cpuid(OtherLevels, 0);
        List<CpuCache> caches = [];
        AddFirst(CpuCacheType.Data, data);
        AddFirst(CpuCacheType.Instruction, instructions);
        Add(CpuCacheType.Unified, 2, second & 0xFF, (second >>> 8) & 0xF, Ways[(second >>> 12) & 0xF], second >>> 16);
        Add(CpuCacheType.Unified, 3, third & 0xFF, (third >>> 8) & 0xF, Ways[(third >>> 12) & 0xF], (third >>> 18) * 512);
        return [.. caches];

        void AddFirst(CpuCacheType type, int word) =>
            Add(type, 1, word & 0xFF, (word >>> 8) & 0xFF, (word >>> 16) & 0xFF, word >>> 24);

        // Each is the processor's own, as far as these leaves tell.
        void Add(CpuCacheType type, int level, int lineSize, int partitions, int ways, int kib)
        {
            long lines = lineSize == 0 ? 0 : kib * 1024L / lineSize;
            ways = ways == FullyAssociative ? (int)lines : ways;
            long sets = ways == 0 || partitions == 0 ? 0 : lines / ways / partitions;
            if (sets != 0)
            {
                caches.Add(new CpuCache(type, level, lineSize, partitions, ways, sets, apicId));
            }
        }
    }
}

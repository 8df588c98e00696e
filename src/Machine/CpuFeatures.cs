using System.Text;

namespace Semitone.Machine;

/// <summary>What the processor can do, as far as programs are told through the auxiliary vector (getauxval(3)).</summary>
/// <param name="Hwcap">EDX of CPUID leaf 1 (AT_HWCAP).</param>
/// <param name="Hwcap2">AT_HWCAP2: bit 1 says that ring 3 may use RDFSBASE and its kin.</param>
/// <param name="ExtendedStateSize">Bytes of the XSAVE image of all enabled components.</param>
/// <param name="Brand">The brand string of CPUID leaves 0x80000002-4, padded.</param>
public sealed record CpuFeatures(uint Hwcap, uint Hwcap2, int ExtendedStateSize, byte[] Brand)
{
    /// <summary>The brand as text.</summary>
    public string ModelName => Encoding.ASCII.GetString(Brand).Trim('\0', ' ');

    /// <summary>The processor's caches; asked for when somebody wants to know.</summary>
    public ReadOnlySpan<CpuCache> Caches => _caches ??= Cpuid is null ? [] : CpuCacheReader.Read(Cpuid);

    /// <summary>What reads CPUID; null where nobody may know.</summary>
    public CpuidReader? Cpuid { private get; init; }

    private CpuCache[]? _caches;

    /// <summary>The components of that image, as XCR0 enables them (Intel SDM Vol. 1, 13.3); 0 without XSAVE.</summary>
    public ulong ExtendedStateComponents { get; init; } = 3;
}

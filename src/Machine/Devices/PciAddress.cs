namespace Semitone.Machine;

/// <summary>A function of the PCI bus.</summary>
/// <param name="Bus">0 to 255.</param>
/// <param name="Device">0 to 31; higher bits are dropped.</param>
/// <param name="Function">0 to 7; higher bits are dropped.</param>
public readonly record struct PciAddress(byte Bus, byte Device, byte Function)
{
    /// <summary>The three in one number, as CONFIG_ADDRESS and others have it.</summary>
    public int Number
    {
        [NonAllocating]
        get => (Bus << 8) | ((Device & 31) << 3) | (Function & 7);
    }

    public override string ToString() => $"{Bus:x2}:{Device:x2}.{Function:x}";
}

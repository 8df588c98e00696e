namespace Semitone.Files;

/// <summary>Major and minor number of a device (makedev(3)).</summary>
public readonly record struct DeviceNumber(uint Major, uint Minor)
{
    /// <summary>As st_dev and st_rdev have it.</summary>
    public ulong Encoded =>
        (Minor & 0xFFUL) | ((Major & 0xFFFUL) << 8) | ((Minor & ~0xFFUL) << 12) | ((Major & ~0xFFFUL) << 32);

    /// <summary>Reads what mknod(2) takes: 12 bits of major, 20 of minor.</summary>
    public static DeviceNumber Decode(uint encoded) => new((encoded >> 8) & 0xFFF, (encoded & 0xFF) | ((encoded >> 12) & 0xF_FF00));
}

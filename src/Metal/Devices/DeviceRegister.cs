namespace Semitone.Metal.Devices;

/// <summary>Four bytes of a device's window: each access in the source is one access of the CPU, in that order.</summary>
// SAFETY: a layout of one plain value; whoever holds a pointer to one says why it is valid.
internal unsafe struct DeviceRegister
{
    internal volatile uint Value;

    /// <summary>The register at an offset in bytes from the first of a window.</summary>
    internal static DeviceRegister* At(DeviceRegister* window, uint offset) => window + (offset / sizeof(uint));
}

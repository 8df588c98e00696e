namespace Semitone.BootParameters;

/// <summary>A device's registers in memory, as Linux' <c>virtio_mmio.device=SIZE@ADDRESS:INPUT[:ID]</c> names them.</summary>
/// <param name="Address">Where they lie.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Input">The input of the I/O APICs that the device interrupts at; not 0, which is the timer's.</param>
public readonly record struct DeviceWindow(ulong Address, ulong Length, int Input)
{
    private const ulong HighestInput = 239;

    /// <summary>Reads one.</summary>
    /// <returns>False when it is none; the number of the device, which nobody needs, must be one.</returns>
    public static bool TryParse(ReadOnlySpan<byte> text, out DeviceWindow window)
    {
        window = default;
        int at = text.IndexOf((byte)'@');
        if (at < 0 || !TryParseSize(text[..at], out ulong length))
        {
            return false;
        }

        text = text[(at + 1)..];
        int colon = text.IndexOf((byte)':');
        if (colon < 0 || !Parameter.TryParseNumber(text[..colon], out ulong address))
        {
            return false;
        }

        text = text[(colon + 1)..];
        colon = text.IndexOf((byte)':');
        if (!Parameter.TryParseNumber(colon < 0 ? text : text[..colon], out ulong input)
            || input is 0 or > HighestInput
            || (colon >= 0 && !Parameter.TryParseNumber(text[(colon + 1)..], out _)))
        {
            return false;
        }

        window = new DeviceWindow(address, length, (int)input);
        return true;
    }

    /// <summary>Reads a number with a suffix: K, M or G.</summary>
    private static bool TryParseSize(ReadOnlySpan<byte> text, out ulong size)
    {
        int shift = text.IsEmpty
            ? 0
            : text[^1] switch { (byte)'K' or (byte)'k' => 10, (byte)'M' or (byte)'m' => 20, (byte)'G' or (byte)'g' => 30, _ => 0 };
        bool isNumber = Parameter.TryParseNumber(shift == 0 ? text : text[..^1], out size);
        bool fits = size <= ulong.MaxValue >> shift;
        size <<= shift;
        return isNumber && fits && size != 0;
    }
}

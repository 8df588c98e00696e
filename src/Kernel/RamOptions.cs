using Semitone.Abi;
using Semitone.Files;

namespace Semitone.Kernel;

/// <summary>The mount options of a file system in memory: <c>mode=</c>, as tmpfs(5) has it.</summary>
internal static class RamOptions
{
    private const uint AllPermissions = 0xFFF; // 07777

    /// <summary>Reads options.</summary>
    /// <param name="text">Options with commas between them; empty for none.</param>
    /// <param name="permissions">Of the root directory.</param>
    /// <returns>False when there is another one, or a mode that is none.</returns>
    internal static bool TryParse(ReadOnlySpan<byte> text, out Mode permissions)
    {
        permissions = RamFileSystem.DefaultPermissions;
        ReadOnlySpan<byte> name = "mode="u8;
        while (!text.IsEmpty)
        {
            int end = text.IndexOf((byte)',');
            ReadOnlySpan<byte> option = end < 0 ? text : text[..end];
            text = end < 0 ? default : text[(end + 1)..];
            if (!option.StartsWith(name) || !TryParseOctal(option[name.Length..], out uint mode))
            {
                return false;
            }

            permissions = (Mode)mode;
        }

        return true;
    }

    private static bool TryParseOctal(ReadOnlySpan<byte> digits, out uint value)
    {
        value = 0;
        foreach (byte digit in digits)
        {
            value = (value << 3) | (uint)(digit - '0');
            if (digit is < (byte)'0' or > (byte)'7' || value > AllPermissions)
            {
                return false;
            }
        }

        return !digits.IsEmpty;
    }
}

namespace Semitone.Files;

/// <summary>The classes of characters that a line discipline knows; beyond ASCII they are ISO 8859-1's, as in Linux.</summary>
internal static class TerminalCharacter
{
    public static bool IsControl(byte value) => value is < 0x20 or 0x7F;

    /// <summary>Whether it is part of a word (VWERASE). The first byte of most characters of UTF-8 is.</summary>
    public static bool IsWord(byte value) =>
        value is (>= (byte)'0' and <= (byte)'9') or (>= (byte)'A' and <= (byte)'Z') or (>= (byte)'a' and <= (byte)'z') or (byte)'_'
            || (value >= 0xC0 && value is not (0xD7 or 0xF7));

    public static byte ToLower(byte value) =>
        value is (>= (byte)'A' and <= (byte)'Z') or (>= 0xC0 and <= 0xDE and not 0xD7) ? (byte)(value + 0x20) : value;

    public static byte ToUpper(byte value) =>
        value is (>= (byte)'a' and <= (byte)'z') or (>= 0xE0 and <= 0xFE and not 0xF7) ? (byte)(value - 0x20) : value;
}

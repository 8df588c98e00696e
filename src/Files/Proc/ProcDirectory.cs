using System.Buffers.Text;
using Semitone.Abi;

namespace Semitone.Files;

/// <summary>A directory of /proc: what is in it the kernel says, and nobody else.</summary>
/// <remarks>
/// Linux answers whoever wants to make a name there that the name does not exist, for it asks for the name first; taking one away is not
/// permitted.
/// </remarks>
internal abstract class ProcDirectory(FileSystem fileSystem, ulong number, Mode mode) : DirectoryInode(fileSystem, number, mode)
{
    public override Errno CheckRightsChange() => Errno.EPERM;

    /// <remarks>So that rmdir(2) comes to ask for permission, as in Linux.</remarks>
    public override bool IsEmpty => true;

    public override ChangeResult Create(FileName name, NewFile attributes, out Inode? inode)
    {
        inode = null;
        return Errno.ENOENT;
    }

    public override ChangeResult CreateDevice(FileName name, NewFile attributes, DeviceNumber device) => Errno.ENOENT;

    public override ChangeResult CreateSymbolicLink(FileName name, NewFile attributes, ReadOnlySpan<byte> target) => Errno.ENOENT;

    public override ChangeResult Link(FileName name, Inode inode) => Errno.ENOENT;

    public override ChangeResult Rename(FileName oldName, Inode inode, DirectoryInode newParent, FileName newName, Inode? replaced) =>
        replaced is null ? Errno.ENOENT : Errno.EPERM;

    public override ChangeResult RemoveDirectory(FileName name, DirectoryInode directory) => Errno.EPERM;
}

/// <summary>Numbers that programs write to files of /proc.</summary>
internal static class NumberText
{
    /// <summary>Digits, sign and line end of the longest text that is read, in binary; what follows is not looked at.</summary>
    private const int LongestText = 34;

    /// <summary>Reads a number in the way of C: decimal, octal after 0, hexadecimal after 0x; one line end or a zero may follow.</summary>
    /// <returns>None; EINVAL when it is none, ERANGE when it is too large.</returns>
    public static Errno TryParse(ReadOnlySpan<byte> text, out uint number)
    {
        number = 0;
        text = text[..Math.Min(text.Length, LongestText)];
        int end = text.IndexOf((byte)0);
        text = end < 0 ? text : text[..end];
        text = text.StartsWith("+"u8) ? text[1..] : text;
        bool isHex = text.Length > 2 && text[0] == (byte)'0' && (text[1] | 0x20) == (byte)'x' && GetDigit(text[2]) < 16;
        uint numberBase = isHex ? 16u : text.Length > 1 && text[0] == (byte)'0' ? 8u : 10u;
        text = isHex ? text[2..] : text;
        int count = 0;
        UInt128 value = 0;
        while (count < text.Length && GetDigit(text[count]) < numberBase)
        {
            value = UInt128.Min((value * numberBase) + GetDigit(text[count++]), (UInt128)ulong.MaxValue + 1);
        }
        // As Linux: what is beyond 64 bits is too large, whatever follows.
        if (value > ulong.MaxValue)
        {
            return Errno.ERANGE;
        }
        if (count == 0 || !(text[count..].IsEmpty || text[count..].SequenceEqual("\n"u8)))
        {
            return Errno.EINVAL;
        }
        number = (uint)UInt128.Min(value, uint.MaxValue);
        return value > uint.MaxValue ? Errno.ERANGE : Errno.None;
    }

    /// <summary>Gets the value of a digit or letter; 36 or more for what is neither.</summary>
    private static uint GetDigit(byte digit) =>
        digit is >= (byte)'0' and <= (byte)'9' ? digit - (uint)'0' : (digit | 0x20) is >= 'a' and <= 'z' ? (digit | 0x20u) - 'a' + 10 : 36;
}

/// <summary>The numbers that are names in /proc.</summary>
internal static class ProcNumber
{
    /// <summary>Reads a name that is a number as the kernel writes it: no sign, no leading zeros.</summary>
    public static bool TryParse(ReadOnlySpan<byte> name, out int number)
    {
        number = 0;
        bool isPlain = name[0] is >= (byte)'1' and <= (byte)'9' || (name.Length == 1 && name[0] == (byte)'0');
        return isPlain && Utf8Parser.TryParse(name, out number, out int length) && length == name.Length;
    }
}

using System.Buffers.Binary;
using Semitone.Abi;

namespace Semitone.Sockets;

/// <summary>Addresses of AF_UNIX (unix(7), "Address format").</summary>
internal static class UnixAddress
{
    /// <summary>Bytes of the family, before the path.</summary>
    public const int PathOffset = 2;

    /// <summary>sizeof(struct sockaddr_un).</summary>
    public const int MaximumLength = 110;

    /// <summary>Checks what a program gave.</summary>
    /// <param name="path">A path without NUL, or an abstract name with its leading one; empty where only the family was given.</param>
    /// <returns>None or EINVAL.</returns>
    public static Errno Parse(ReadOnlySpan<byte> address, out ReadOnlySpan<byte> path)
    {
        path = default;
        if (address.Length is < PathOffset or > MaximumLength
            || BinaryPrimitives.ReadUInt16LittleEndian(address) != (int)AddressFamily.AF_UNIX)
        {
            return Errno.EINVAL;
        }

        path = address[PathOffset..];
        if (!path.IsEmpty && path[0] != 0)
        {
            int end = path.IndexOf((byte)0);
            path = end < 0 ? path : path[..end];
        }

        return Errno.None;
    }

    public static bool IsAbstract(ReadOnlySpan<byte> path) => path[0] == 0;

    /// <summary>Makes the address that is told: a path with its NUL, an abstract name as it is.</summary>
    public static byte[] Make(ReadOnlySpan<byte> path)
    {
        byte[] address = new byte[PathOffset + path.Length + (IsAbstract(path) ? 0 : 1)];
        BinaryPrimitives.WriteUInt16LittleEndian(address, (ushort)AddressFamily.AF_UNIX);
        path.CopyTo(address.AsSpan(PathOffset));
        return address;
    }

    /// <summary>Writes the address of a socket that has none: its family.</summary>
    public static int WriteUnnamed(Span<byte> name)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(name, (ushort)AddressFamily.AF_UNIX);
        return PathOffset;
    }
}

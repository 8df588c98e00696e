using System.Buffers;
using System.Text;

namespace Semitone.Cli.Posix;

/// <summary>Arguments, variables and file names of the host, which are bytes and need not be UTF-8, as strings.</summary>
/// <remarks>
/// A byte that is no part of valid UTF-8 is carried as the lone surrogate U+DC00 + byte, as Python carries it (PEP 383): ordinary text is
/// ordinary, the rest looks odd, and everything comes out as it went in. .NET's own decoding puts U+FFFD there, which cannot be undone; so
/// whatever goes to or comes from the host passes here.
/// </remarks>
internal static class HostText
{
    private const char FirstCarrier = '\uDC80';
    private const char LastCarrier = '\uDCFF';

    public static string FromBytes(ReadOnlySpan<byte> bytes)
    {
        if (System.Text.Unicode.Utf8.IsValid(bytes))
        {
            return Encoding.UTF8.GetString(bytes);
        }

        StringBuilder text = new(bytes.Length);
        Span<char> encoded = stackalloc char[2];
        while (!bytes.IsEmpty)
        {
            bool isText = Rune.DecodeFromUtf8(bytes, out Rune rune, out int count) == OperationStatus.Done;
            if (isText)
            {
                text.Append(encoded[..rune.EncodeToUtf16(encoded)]);
            }
            else
            {
                foreach (byte value in bytes[..count])
                {
                    text.Append((char)(0xDC00 + value));
                }
            }

            bytes = bytes[count..];
        }

        return text.ToString();
    }

    public static byte[] ToBytes(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange(FirstCarrier, LastCarrier))
        {
            return Encoding.UTF8.GetBytes(text);
        }

        ArrayBufferWriter<byte> bytes = new(text.Length + 16);
        ReadOnlySpan<char> rest = text;
        while (!rest.IsEmpty)
        {
            bool isText = Rune.DecodeFromUtf16(rest, out Rune rune, out int count) == OperationStatus.Done;
            if (isText || rest[0] is < FirstCarrier or > LastCarrier)
            {
                // A surrogate that nobody put here to carry a byte becomes U+FFFD, as in .NET.
                bytes.Advance(rune.EncodeToUtf8(bytes.GetSpan(4)));
            }
            else
            {
                bytes.Write([(byte)(rest[0] - 0xDC00)]);
            }

            rest = rest[count..];
        }

        return bytes.WrittenSpan.ToArray();
    }

    /// <summary>Encodes for a function of the C library: a NUL ends it.</summary>
    public static byte[] ToCString(string text) => [.. ToBytes(text), 0];
}

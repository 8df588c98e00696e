using Semitone.Metal.Memory;

namespace Semitone.Metal.Runtime;

/// <summary>The few files that the C library and the runtime read at start-up.</summary>
// SAFETY: the callers are the C library and the runtime of this image: their paths end in NUL and their buffers are as long as they say.
internal static unsafe class PseudoFiles
{
    private const long NoEntry = -2;
    private const long BadDescriptor = -9;
    private const int FirstDescriptor = 100;
    private const int Count = 4;
    private const int Maps = 0;
    private const int Random = 3;

    private static OffsetTable s_offsets;

    internal static long Open(byte* path)
    {
        int file = IsEqual(path, "/proc/self/maps") ? Maps
            : IsEqual(path, "/sys/devices/system/cpu/online") ? 1
            : IsEqual(path, "/sys/devices/system/cpu/possible") ? 2
            : IsEqual(path, "/dev/urandom") ? Random
            : -1;
        if (file < 0)
        {
            return NoEntry;
        }

        s_offsets.Offsets[file] = 0;
        return FirstDescriptor + file;
    }

    internal static long Read(int descriptor, byte* buffer, long count)
    {
        int file = descriptor - FirstDescriptor;
        if (file is < 0 or >= Count)
        {
            return BadDescriptor;
        }

        if (file == Random)
        {
            Entropy.Fill(buffer, count);
            return count;
        }

        byte* text = stackalloc byte[128];
        int length = file == Maps ? FormatStackLine(text) : Append(text, 0, "0\n");
        int offset = s_offsets.Offsets[file];
        int got = 0;
        while (got < count && offset < length)
        {
            buffer[got++] = text[offset++];
        }

        s_offsets.Offsets[file] = offset;
        return got;
    }

    /// <summary>The one mapping that pthread_getattr_np looks for.</summary>
    private static int FormatStackLine(byte* text)
    {
        ulong end = RuntimeStart.StackEnd;
        int length = AppendHex(text, 0, end - RuntimeStart.StackSize);
        length = Append(text, length, "-");
        length = AppendHex(text, length, end);
        return Append(text, length, " rw-p 00000000 00:00 0 [stack]\n");
    }

    private static int AppendHex(byte* text, int length, ulong value)
    {
        for (int shift = 44; shift >= 0; shift -= 4)
        {
            int digit = (int)(value >> shift) & 15;
            text[length++] = (byte)(digit < 10 ? '0' + digit : 'a' + digit - 10);
        }

        return length;
    }

    private static int Append(byte* text, int length, string value)
    {
        for (int i = 0; i < value.Length; i++)
        {
            text[length++] = (byte)value[i];
        }

        return length;
    }

    private static bool IsEqual(byte* path, string name)
    {
        for (int i = 0; i < name.Length; i++)
        {
            if (path[i] != name[i])
            {
                return false;
            }
        }

        return path[name.Length] == 0;
    }

    private struct OffsetTable
    {
        internal fixed int Offsets[Count];
    }
}

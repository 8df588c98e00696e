using Semitone.Abi;
using Semitone.Memory;

namespace Semitone.Syscalls;

/// <content>Strings, buffers and arrays of the guest's memory.</content>
public sealed partial class TraceLine
{
    /// <summary>Writes a string of the guest in quotes.</summary>
    public void CString(ulong address)
    {
        if (address == 0)
        {
            Text("NULL"u8);
            return;
        }

        Span<byte> chunk = stackalloc byte[128];
        int start = _length;
        Text("\""u8);
        for (int total = 0; total < FileLimits.PATH_MAX;)
        {
            // Up to the end of the page, so that a page that the string does not reach is not asked for.
            int toPageEnd = Paging.PageSize - (int)(address & Paging.PageMask);
            Span<byte> piece = chunk[..Math.Min(chunk.Length, toPageEnd)];
            int moved = Memory.CopyIn(address, piece);
            int end = piece[..moved].IndexOf((byte)0);
            Escape(piece[..(end >= 0 ? end : moved)]);
            if (end >= 0)
            {
                Text("\""u8);
                return;
            }

            if (moved < piece.Length)
            {
                _length = start;
                Address(address - (ulong)total);
                return;
            }

            address += (ulong)moved;
            total += moved;
        }

        Text("\"..."u8);
    }

    /// <summary>Writes an array of strings that a NULL ends, as execve(2) takes it.</summary>
    public void StringArray(ulong address)
    {
        if (address == 0)
        {
            Text("NULL"u8);
            return;
        }

        Text("["u8);
        for (int i = 0; ; i++)
        {
            if (!Memory.TryRead(new UserPtr<ulong>(address + ((ulong)i * sizeof(ulong))), out ulong text) || i == MaxElements * 4)
            {
                Text(i == 0 ? "..."u8 : ", ..."u8);
                break;
            }

            if (text == 0)
            {
                break;
            }

            if (i > 0)
            {
                Text(", "u8);
            }

            CString(text);
        }

        Text("]"u8);
    }

    /// <summary>Writes the beginning of a buffer in quotes.</summary>
    public void Buffer(ulong address, ulong count)
    {
        if (address == 0)
        {
            Text("NULL"u8);
            return;
        }

        Span<byte> bytes = stackalloc byte[MaxBufferBytes];
        bytes = bytes[..(int)Math.Min(count, MaxBufferBytes)];
        int moved = Memory.CopyIn(address, bytes);
        if (moved < bytes.Length)
        {
            Address(address);
            return;
        }

        Text("\""u8);
        Escape(bytes);
        Text(count > MaxBufferBytes ? "\"..."u8 : "\""u8);
    }

    /// <summary>Writes an iovec array with the beginning of each buffer.</summary>
    /// <param name="limit">Bytes that mean something, over all buffers.</param>
    public void IoVec(ulong address, ulong count, ulong limit)
    {
        if (address == 0)
        {
            Text("NULL"u8);
            return;
        }

        Text("["u8);
        for (ulong i = 0; i < count; i++)
        {
            if (i > 0)
            {
                Text(", "u8);
            }

            if (i == MaxElements || !Memory.TryRead(new UserPtr<Iovec>(address + (i * SizeOf<Iovec>())), out Iovec vector))
            {
                Text("..."u8);
                break;
            }

            ulong filled = Math.Min(vector.iov_len, limit);
            limit -= filled;
            Text("{"u8);
            Buffer(vector.iov_base, filled);
            Text(", "u8);
            Unsigned(vector.iov_len);
            Text("}"u8);
        }

        Text("]"u8);
    }

    /// <summary>Writes one iovec.</summary>
    public void IoVec(in Iovec vector)
    {
        Text("{"u8);
        Buffer(vector.iov_base, vector.iov_len);
        Text(", "u8);
        Unsigned(vector.iov_len);
        Text("}"u8);
    }

    /// <summary>Writes a NUL-terminated string that is a field of a structure.</summary>
    public void Characters(ReadOnlySpan<byte> field)
    {
        int end = field.IndexOf((byte)0);
        Text("\""u8);
        Escape(end >= 0 ? field[..end] : field);
        Text("\""u8);
    }

    /// <summary>Begins an array of numbers or structures.</summary>
    /// <returns>How many elements to write.</returns>
    public ulong BeginArray(ulong address, ulong count)
    {
        if (address == 0)
        {
            Text("NULL"u8);
            return 0;
        }

        Text("["u8);
        return Math.Min(count, MaxElements);
    }

    public void NextElement(ulong index)
    {
        if (index > 0)
        {
            Text(", "u8);
        }
    }

    public void EndArray(ulong address, ulong count)
    {
        if (address != 0)
        {
            Text(count > MaxElements ? ", ...]"u8 : "]"u8);
        }
    }
}

using System.Runtime.InteropServices;
using Semitone.Abi;
using Semitone.Memory;

namespace Semitone.Syscalls;

/// <summary>A line of strace while it is put together.</summary>
/// <remarks>Reads the guest's memory, which may page it in; a pointer that leads nowhere is written as an address.</remarks>
public sealed partial class TraceLine
{
    /// <summary>Most elements of an array that are written.</summary>
    public const int MaxElements = 8;

    /// <summary>Most bytes of a buffer that are written.</summary>
    public const int MaxBufferBytes = 24;

    private byte[] _bytes = new byte[256];
    private int _length;
    private bool _isFirst;

    /// <summary>The memory that pointers point into.</summary>
    public UserMemory Memory { get; set; } = null!;

    /// <summary>The next line of a list of those that are free.</summary>
    internal TraceLine? NextFree { get; set; }

    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, _length);

    public static ulong SizeOf<T>()
        where T : unmanaged
    {
        T value = default;
        return (ulong)MemoryMarshal.AsBytes(new Span<T>(ref value)).Length;
    }

    public void Clear() => _length = 0;

    /// <summary>Writes the name of the call.</summary>
    public void Begin(in SyscallArguments arguments)
    {
        ReadOnlySpan<byte> name = SyscallNames.Get(arguments.Number);
        if (name.IsEmpty)
        {
            Text("syscall_"u8);
            Unsigned(arguments.Number);
        }

        Text(name);
        Text("("u8);
        _isFirst = true;
    }

    /// <summary>Writes what stands between two arguments.</summary>
    public void Next()
    {
        if (!_isFirst)
        {
            Text(", "u8);
        }

        _isFirst = false;
    }

    /// <summary>Writes the mark of a parameter that the kernel answers through.</summary>
    public void Out(ulong address) => Text(address == 0 ? ""u8 : "<out>"u8);

    /// <summary>Writes the arguments of a call that nothing is known about.</summary>
    public void Registers(in SyscallArguments arguments)
    {
        ReadOnlySpan<ulong> values = [arguments.A0, arguments.A1, arguments.A2, arguments.A3, arguments.A4, arguments.A5];
        foreach (ulong value in values)
        {
            Next();
            Hex(value);
        }
    }

    /// <summary>Writes the result, and ends the line.</summary>
    public void End(Returns returns, SysResult result)
    {
        Text(") = "u8);
        if (returns == Returns.Never)
        {
            Text("?"u8);
        }
        else if (result.IsError)
        {
            Text(result.Error.GetUtf8Text());
            Text(" ("u8);
            Signed(result.Value);
            Text(")"u8);
        }
        else
        {
            Value(returns, result.Value);
        }

        Text("\n"u8);
    }

    public void Fd(int number)
    {
        if (number == Abi.Fd.AtFdCwd.Number)
        {
            Text("AT_FDCWD"u8);
            return;
        }

        Text("fd:"u8);
        Signed(number);
    }

    public void Pid(int number)
    {
        Text("pid:"u8);
        Signed(number);
    }

    public void Address(ulong address)
    {
        if (address == 0)
        {
            Text("NULL"u8);
            return;
        }

        Text("va:"u8);
        Hex(address);
    }

    /// <summary>Writes the address of a structure that could not be read or says nothing.</summary>
    public void StructAddress(ReadOnlySpan<byte> prefix, ulong address)
    {
        if (address == 0)
        {
            Text("NULL"u8);
            return;
        }

        Text(prefix);
        Hex(address);
    }

    public void Signed(long value)
    {
        if (value < 0)
        {
            Text("-"u8);
            Unsigned(unchecked((ulong)-value));
        }
        else
        {
            Unsigned((ulong)value);
        }
    }

    public void Unsigned(ulong value) => Digits(value, 10);

    public void Hex(ulong value)
    {
        Text("0x"u8);
        Digits(value, 16);
    }

    public void Octal(ulong value)
    {
        Text("0"u8);
        if (value != 0)
        {
            Digits(value, 8);
        }
    }

    /// <summary>Writes a number, right-aligned.</summary>
    public void Padded(ulong value, int width)
    {
        int start = _length;
        Unsigned(value);
        int digits = _length - start;
        for (int i = digits; i < width; i++)
        {
            Text(" "u8);
        }

        if (digits < width)
        {
            Span<byte> field = _bytes.AsSpan(start, width);
            field[..digits].CopyTo(field[(width - digits)..]);
            field[..(width - digits)].Fill((byte)' ');
        }
    }

    /// <summary>Writes a flags value: the names of its bits joined by <c>|</c>, and what has no name in hexadecimal.</summary>
    /// <param name="values">The value of each name.</param>
    /// <param name="masks">The bits that a value is one of the possible contents of; the value itself for a plain flag.</param>
    /// <param name="names">The names, each ended by a NUL.</param>
    public void Flags(ulong value, ReadOnlySpan<ulong> values, ReadOnlySpan<ulong> masks, ReadOnlySpan<byte> names)
    {
        ulong rest = value;
        ulong done = 0;
        bool isFirst = true;
        for (int i = 0; i < values.Length; i++)
        {
            int end = names.IndexOf((byte)0);
            ReadOnlySpan<byte> name = names[..end];
            names = names[(end + 1)..];

            // A name for zero stands for a field that is zero; without a field it stands for nothing at all.
            bool isThere = masks[i] == 0 ? value == 0 : (value & masks[i]) == values[i] && (done & masks[i]) == 0;
            if (isThere)
            {
                Separate(ref isFirst);
                Text(name);
                done |= masks[i];
                rest &= ~masks[i];
            }
        }

        if (rest != 0 || isFirst)
        {
            Separate(ref isFirst);
            if (rest == 0)
            {
                Text("0"u8);
            }
            else
            {
                Hex(rest);
            }
        }
    }

    /// <summary>Writes the name of a value that has one, and its number otherwise.</summary>
    public void Name(ulong value, ReadOnlySpan<ulong> values, ReadOnlySpan<byte> names)
    {
        for (int i = 0; i < values.Length; i++)
        {
            int end = names.IndexOf((byte)0);
            if (values[i] == value)
            {
                Text(names[..end]);
                return;
            }

            names = names[(end + 1)..];
        }

        if ((long)value is > -65536 and < 65536)
        {
            Signed((long)value);
        }
        else
        {
            Hex(value);
        }
    }

    /// <summary>Writes signals by name, as the set of those that are in it or, when that is shorter, of those that are not.</summary>
    public void SignalSet(SignalSet set)
    {
        ulong bits = set.Bits;
        if (ulong.PopCount(bits) > 32)
        {
            Text("~"u8);
            bits = ~bits;
        }

        Text("["u8);
        bool isFirst = true;
        for (int number = 1; number <= 64; number++)
        {
            if ((bits & (1UL << (number - 1))) == 0)
            {
                continue;
            }

            if (!isFirst)
            {
                Text(" "u8);
            }

            isFirst = false;
            if (number < (int)Signal.SIGRTMIN)
            {
                Text(SignalNames.GetShort((Signal)number));
            }
            else
            {
                Text("RT_"u8);
                Signed(number - (int)Signal.SIGRTMIN);
            }
        }

        Text("]"u8);
    }

    /// <summary>Writes bytes as they are.</summary>
    public void Text(ReadOnlySpan<byte> text)
    {
        Reserve(text.Length);
        text.CopyTo(_bytes.AsSpan(_length));
        _length += text.Length;
    }

    private void Separate(ref bool isFirst)
    {
        if (!isFirst)
        {
            Text("|"u8);
        }

        isFirst = false;
    }

    private void Value(Returns returns, long value)
    {
        switch (returns)
        {
            case Returns.Status when value == 0:
                Text("OK"u8);
                break;
            case Returns.Fd:
                Fd((int)value);
                break;
            case Returns.Pid:
                Pid((int)value);
                break;
            case Returns.Address:
                Address((ulong)value);
                break;
            case Returns.Mode:
                Octal((ulong)value);
                break;
            default:
                Signed(value);
                break;
        }
    }

    private void Escape(ReadOnlySpan<byte> text)
    {
        foreach (byte character in text)
        {
            if (character is >= 0x20 and < 0x7F and not (byte)'"' and not (byte)'\\')
            {
                Reserve(1);
                _bytes[_length++] = character;
            }
            else
            {
                Text("\\x"u8);
                Reserve(2);
                _bytes[_length++] = UpperDigit(character >> 4);
                _bytes[_length++] = UpperDigit(character & 15);
            }
        }
    }

    private static byte UpperDigit(int digit) => (byte)(digit < 10 ? '0' + digit : 'A' + digit - 10);

    private void Digits(ulong value, uint radix)
    {
        Span<byte> digits = stackalloc byte[24];
        int first = digits.Length;
        do
        {
            uint digit = (uint)(value % radix);
            value /= radix;
            digits[--first] = (byte)(digit < 10 ? '0' + digit : 'a' + digit - 10);
        }
        while (value != 0);
        Text(digits[first..]);
    }

    private void Reserve(int count)
    {
        if (_bytes.Length - _length < count)
        {
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _length + count));
        }
    }
}

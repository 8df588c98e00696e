namespace Semitone.Syscalls;

/// <summary>Counts the system calls that programs made and this kernel does not have.</summary>
public sealed class MissingSyscalls
{
    private uint[]? _counts;
    private uint _beyond;

    /// <summary>How many such calls were made.</summary>
    public ulong Total { get; private set; }

    public void Count(uint number)
    {
        Total++;
        if (number >= SyscallNames.Limit)
        {
            _beyond++;
            return;
        }

        _counts ??= new uint[SyscallNames.Limit];
        _counts[number]++;
    }

    /// <summary>Writes a line for every missing call that was made; nothing when there was none.</summary>
    public void WriteSummary(ITraceOutput output)
    {
        if (Total == 0)
        {
            return;
        }

        TraceLine line = new();
        Write(line, output, "system calls that this kernel does not have:\n"u8);
        for (uint number = 0; _counts is not null && number < (uint)_counts.Length; number++)
        {
            if (_counts[number] == 0)
            {
                continue;
            }

            line.Clear();
            line.Padded(number, 5);
            line.Text(" "u8);
            ReadOnlySpan<byte> name = SyscallNames.Get(number);
            line.Text(name.IsEmpty ? "(unknown)"u8 : name);
            line.Text(" x "u8);
            line.Unsigned(_counts[number]);
            line.Text("\n"u8);
            output.Write(line.Bytes);
        }

        if (_beyond > 0)
        {
            line.Clear();
            line.Text("      numbers above "u8);
            line.Unsigned(SyscallNames.Limit - 1);
            line.Text(" x "u8);
            line.Unsigned(_beyond);
            line.Text("\n"u8);
            output.Write(line.Bytes);
        }
    }

    private static void Write(TraceLine line, ITraceOutput output, ReadOnlySpan<byte> text)
    {
        line.Clear();
        line.Text(text);
        output.Write(line.Bytes);
    }
}

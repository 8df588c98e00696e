using System.Text;
using Semitone.Abi;

namespace Semitone.Syscalls;

/// <summary>Counts system calls by their number.</summary>
public sealed class SyscallCounts
{
    /// <summary>glibc registers its restartable sequences when it starts, in every program, and does without where it cannot.</summary>
    private const SyscallNumber AskedByEveryProgram = SyscallNumber.rseq;

    // Made with the object: a call that is counted must not need memory.
    private readonly uint[] _counts = new uint[SyscallNames.Limit];
    private uint _beyond;

    /// <summary>How many calls were counted.</summary>
    public ulong Total { get; private set; }

    public void Count(uint number)
    {
        Total++;
        if (number >= SyscallNames.Limit)
        {
            _beyond++;
            return;
        }

        _counts[number]++;
    }

    /// <summary>
    /// Writes the calls in one line: <c>socket, inotify_init1 (3 times)</c>; empty when there was none that a program could miss.
    /// </summary>
    /// <param name="most">The number of names from which on the rest is a number.</param>
    public string Describe(int most)
    {
        StringBuilder text = new();
        int names = 0;
        for (uint number = 0; number < (uint)_counts.Length; number++)
        {
            if (_counts[number] != 0 && (SyscallNumber)number != AskedByEveryProgram && ++names <= most)
            {
                AddName(text, GetName(number), _counts[number]);
            }
        }

        if (_beyond > 0 && ++names <= most)
        {
            AddName(text, string.Concat("numbers above ", (SyscallNames.Limit - 1).ToString()), _beyond);
        }

        return names > most ? string.Concat(text.ToString(), " and ", (names - most).ToString(), " more") : text.ToString();
    }

    /// <summary>Writes the calls as a JSON object: <c>{"read":12,"close":3}</c>.</summary>
    public void WriteJson(StringBuilder json)
    {
        json.Append('{');
        int start = json.Length;
        for (uint number = 0; number < (uint)_counts.Length; number++)
        {
            if (_counts[number] != 0)
            {
                json.Append('"').Append(GetName(number)).Append("\":").Append(_counts[number]).Append(',');
            }
        }

        if (_beyond > 0)
        {
            json.Append("\"?\":").Append(_beyond).Append(',');
        }

        json.Length -= json.Length > start ? 1 : 0;
        json.Append('}');
    }

    private static void AddName(StringBuilder text, string name, uint count)
    {
        text.Append(text.Length > 0 ? ", " : "").Append(name);
        if (count > 1)
        {
            text.Append(" (").Append(count).Append(" times)");
        }
    }

    private static string GetName(uint number)
    {
        ReadOnlySpan<byte> name = SyscallNames.Get(number);
        return name.IsEmpty ? string.Concat("number ", number.ToString()) : Encoding.UTF8.GetString(name);
    }
}

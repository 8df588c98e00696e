using System.Buffers.Text;

namespace Semitone.BootParameters;

/// <summary>Who the program runs as: <c>UID[:GID[:GROUP]...]</c>, all numbers (<c>program.user</c>).</summary>
/// <param name="UserId">Of the user.</param>
/// <param name="GroupId">Of the group; 0 where none is named.</param>
/// <param name="Groups">Supplementary groups.</param>
public sealed record ProgramUser(uint UserId, uint GroupId, uint[] Groups)
{
    /// <summary>Parses a value; the number that means "no change" to setreuid(2) is nobody's.</summary>
    internal static bool TryParse(ReadOnlySpan<byte> text, out ProgramUser? user)
    {
        // setgroups(2), NGROUPS_MAX.
        const int MostGroups = 65536;
        user = null;
        List<uint> numbers = [];
        do
        {
            int colon = text.IndexOf((byte)':');
            ReadOnlySpan<byte> number = colon < 0 ? text : text[..colon];
            if (!Utf8Parser.TryParse(number, out uint value, out int length)
                || length != number.Length
                || value == uint.MaxValue
                || numbers.Count > MostGroups + 1)
            {
                return false;
            }

            numbers.Add(value);
            text = colon < 0 ? [] : text[(colon + 1)..];
            if (colon >= 0 && text.IsEmpty)
            {
                return false;
            }
        }
        while (!text.IsEmpty);

        user = new ProgramUser(numbers[0], numbers.Count > 1 ? numbers[1] : 0, [.. numbers.Skip(2)]);
        return true;
    }
}

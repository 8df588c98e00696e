using System.Globalization;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Running;

/// <summary>Who the program runs as, by the guest's own passwd(5) and group(5).</summary>
/// <param name="UserId">Of the user.</param>
/// <param name="GroupId">Of the group.</param>
/// <param name="Groups">Supplementary groups.</param>
/// <param name="Home">The home directory; null for a user that passwd does not have.</param>
internal sealed record GuestUser(uint UserId, uint GroupId, IReadOnlyList<uint> Groups, string? Home)
{
    /// <summary>Finds a user as Docker does for its <c>--user</c>.</summary>
    /// <param name="text"><c>NAME|UID[:GROUP|GID]</c>. A number need not be in passwd; its group is 0 then. With a group named there are no
    /// supplementary groups.</param>
    /// <param name="readFile">Gives the content of one of the guest's files; null where there is none.</param>
    public static GuestUser Find(string text, Func<string, byte[]?> readFile)
    {
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        string user = colon < 0 ? text : text[..colon];
        string? group = colon < 0 ? null : text[(colon + 1)..];
        string[]? account = Find(readFile("/etc/passwd"), user, numberField: 2, fields: 7);
        if (!TryParse(account?[2] ?? user, out uint userId))
        {
            throw new CommandFailedException(ExitStatus.Usage, $"--user: there is no user '{user}' in /etc/passwd of the root file system");
        }

        byte[]? groups = readFile("/etc/group");
        if (group is not null)
        {
            return TryParse(Find(groups, group, numberField: 2, fields: 4)?[2] ?? group, out uint groupId)
                ? new GuestUser(userId, groupId, [], account?[5])
                    : throw new CommandFailedException(
                        ExitStatus.Usage, $"--user: there is no group '{group}' in /etc/group of the root file system");
        }

        if (account is null || !TryParse(account[3], out uint primary))
        {
            return new GuestUser(userId, 0, [], null);
        }

        List<uint> supplementary = [];
        foreach (string[] entry in Split(groups, fields: 4))
        {
            if (entry[3].Split(',').Contains(account[0]) && TryParse(entry[2], out uint number))
            {
                supplementary.Add(number);
            }
        }

        return new GuestUser(userId, primary, supplementary, account[5]);
    }

    /// <summary>Writes it as the kernel's <c>program.user</c> takes it.</summary>
    public string ToParameter() => string.Join(':', (IEnumerable<uint>)[UserId, GroupId, .. Groups]);

    /// <summary>Finds the line whose name, or else whose number, is this one.</summary>
    private static string[]? Find(byte[]? file, string wanted, int numberField, int fields)
    {
        List<string[]> entries = Split(file, fields);
        return entries.Find(entry => entry[0] == wanted)
            ?? (TryParse(wanted, out _) ? entries.Find(entry => entry[numberField] == wanted) : null);
    }

    private static List<string[]> Split(byte[]? file, int fields) =>
        [.. HostText.FromBytes(file)
            .Split('\n')
            .Select(line => line.TrimEnd('\r').Split(':'))
            .Where(entry => entry.Length >= fields && entry[0].Length > 0)];

    /// <summary>Parses a number; the largest means "no change" to the system calls and is nobody's.</summary>
    private static bool TryParse(string text, out uint number) =>
        uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number != uint.MaxValue;
}

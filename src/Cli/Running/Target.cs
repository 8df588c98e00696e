namespace Semitone.Cli.Running;

/// <summary>
/// What <c>--target</c> names: <c>PLATFORM/ARCHITECTURE[-OPTION]...</c>, or with a dash for the slash as the seed system's files are
/// called.
/// </summary>
/// <param name="Strace">System calls are to be printed.</param>
/// <param name="SharesRoot">The root is shared (9pfs) rather than packed (initrd); null where it does not say.</param>
internal readonly record struct Target(bool Strace, bool? SharesRoot)
{
    /// <summary>Parses a target, and says why not where it cannot be served.</summary>
    public static bool TryParse(string text, out Target target, out string? problem)
    {
        target = default;
        string[] parts = text.Replace("x86-64", "x86_64", StringComparison.Ordinal).Split('/', '-');
        if (parts.Length < 2)
        {
            problem = $"--target: '{text}' is not of the form qemu/x86_64-initrd[-strace]";
            return false;
        }

        problem = parts[0] switch
        {
            "qemu" => null,
            "fc" or "firecracker" => "--target: Firecracker is not supported yet; use a qemu target",
            _ => $"--target: unknown platform '{parts[0]}'; there is qemu",
        };
        problem ??= parts[1] is "x86_64" or "amd64" ? null : $"--target: unknown architecture '{parts[1]}'; there is x86_64";
        foreach (string option in parts.AsSpan(2))
        {
            switch (option)
            {
                case "initrd" or "9pfs":
                    target = target with { SharesRoot = option == "9pfs" };
                    break;
                case "strace":
                    target = target with { Strace = true };
                    break;
                case "debug":
                    problem ??= $"--target: the option '{option}' is not supported yet; there are initrd, 9pfs and strace";
                    break;
                default:
                    problem ??= $"--target: unknown option '{option}'; there are initrd, 9pfs and strace";
                    break;
            }
        }

        return problem is null;
    }
}

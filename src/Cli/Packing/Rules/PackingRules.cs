namespace Semitone.Cli.Packing.Rules;

/// <summary>Every rule, in the order in which they are applied.</summary>
internal static class PackingRules
{
    /// <summary>
    /// What a file without an interpreter line is run with, by the end of its name: the interpreter's names, the first that is there, and
    /// the flags before the file.
    /// </summary>
    private static readonly (string Extension, string[] Interpreters, string[] Flags)[] s_kinds =
    [
        (".py", ["python3", "python"], []),
        (".pyz", ["python3", "python"], []),
        (".pl", ["perl"], []),
        (".rb", ["ruby"], []),
        (".js", ["node", "nodejs"], []),
        (".mjs", ["node", "nodejs"], []),
        (".cjs", ["node", "nodejs"], []),
        (".jar", ["java"], ["-jar"]),
        (".java", ["java"], []),
        (".dll", ["dotnet"], []),
        (".sh", ["sh"], []),
        (".bash", ["bash"], []),
        (".lua", ["lua", "lua5.4", "lua5.3"], []),
        (".tcl", ["tclsh"], []),
        (".awk", ["gawk", "mawk", "awk"], ["-f"]),
        (".php", ["php"], []),
    ];

    public static IReadOnlyList<PackingRule> All { get; } =
    [
        new PythonRule(),
        new PerlRule(),
        new RubyRule(),
        new JavaRule(),
        new NodeRule(),
        new DotNetRule(),

        // Tcl reads its own procedures, init.tcl first, from the folder that is compiled into its library: Debian's names, then Fedora's.
        new SystemFilesRule("tcl", ["/usr/share/tcltk/tcl", "/usr/share/tcl8", "/usr/share/tcl9"], [
            "/usr/share/tcltk/tcl8.6", "/usr/share/tcltk/tcl9.0", "/usr/share/tcl8.6", "/usr/share/tcl9.0"
        ]),
        new OpenedLibrariesRule(),
        new TerminalRule(),
        new LocaleRule(),
        new SystemFilesRule("users and groups", [
            "getpw", "getgr", "getlogin", "/etc/passwd"
        ], ["/etc/passwd", "/etc/group", "/etc/nsswitch.conf"]) { NameServices = ["passwd", "group"] },
        new SystemFilesRule("host names", ["getaddrinfo", "gethostby", "getservby", "/etc/resolv.conf"], [
            "/etc/hosts", "/etc/host.conf", "/etc/resolv.conf", "/etc/gai.conf", "/etc/nsswitch.conf", "/etc/services", "/etc/protocols"
        ]) { NameServices = ["hosts"] },
        new TimeZoneRule(),
        new SystemFilesRule("certificates", ["/etc/ssl/certs", "/usr/lib/ssl", "/etc/pki/tls"], [
            "/etc/ssl/openssl.cnf", "/usr/lib/ssl/openssl.cnf", "/usr/lib/ssl/certs", "/etc/ssl/certs/ca-certificates.crt",
            "/etc/pki/tls/certs/ca-bundle.crt"
        ]),
        new CharacterSetRule(),
    ];

    /// <summary>Finds what a file is run with that names no interpreter itself.</summary>
    /// <returns>Names of interpreters and the flags before the file; null for a file of another kind.</returns>
    public static (string[] Interpreters, string[] Flags)? FindInterpreter(string path)
    {
        foreach ((string extension, string[] interpreters, string[] flags) in s_kinds)
        {
            if (path.EndsWith(extension, StringComparison.OrdinalIgnoreCase))
            {
                return (interpreters, flags);
            }
        }

        return null;
    }
}

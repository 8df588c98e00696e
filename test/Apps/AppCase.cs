namespace Semitone.Apps;

/// <summary>One program with its input, to be run natively and in a machine.</summary>
public sealed record AppCase
{
    /// <summary>Names the case in reports.</summary>
    public required string Name { get; init; }

    /// <summary>
    /// Debian packages that make up the root file system, their dependencies aside; empty for a program that is compiled here.
    /// </summary>
    public string[] Packages { get; init; } = [];

    /// <summary>The compiler and its flags, for a source in the folder Programs.</summary>
    public string[] Compiler { get; init; } = [];

    /// <summary>The program's path in the root file system, or the name of its source.</summary>
    public required string Program { get; init; }

    public string[] Arguments { get; init; } = [];

    public string Input { get; init; } = "";

    /// <summary>NAME=VALUE.</summary>
    public string[] Environment { get; init; } = [];

    /// <summary>More flags for <c>semitone run</c>.</summary>
    public string[] Flags { get; init; } = [];

    /// <summary>Whether it finds out what the superuser may, and so must be the superuser natively, too.</summary>
    public bool NeedsRoot { get; init; }

    /// <summary>Takes out of the output what may differ between any two systems.</summary>
    public Func<string, string>? Normalize { get; init; }

    /// <summary>Whether standard error is compared too; a few programs write addresses or host names there.</summary>
    public bool ComparesErrors { get; init; } = true;

    public override string ToString() => Name;
}

using Semitone.Cli.Libraries;

namespace Semitone.Cli.Packing.Rules;

/// <summary>An executable that is packed, with what its dynamic linker loads.</summary>
/// <param name="Path">As it is called: there may be symbolic links in it, and they may mean something.</param>
/// <param name="Resolved">Without a link.</param>
/// <param name="Executable">The file itself.</param>
/// <param name="Finder">Finds more libraries as its dynamic linker would.</param>
internal sealed record PackedProgram(string Path, string Resolved, ElfObject Executable, LibraryFinder Finder)
{
    /// <summary>The last component of the resolved path: <c>python3.11</c>.</summary>
    public string FileName => System.IO.Path.GetFileName(Resolved);

    /// <summary>The folder of the resolved path.</summary>
    public string Folder => System.IO.Path.GetDirectoryName(Resolved) ?? "/";

    /// <summary>The program and its libraries without the C library and the dynamic linker, which have every name in them.</summary>
    public IEnumerable<ElfObject> Objects =>
        Finder.Objects.Count == 0 ? [Executable] : Finder.Objects.Where(item => item.SoName is not ("libc.so.6" or "libc.so"));

    /// <summary>Tells whether one of the objects names one of these functions or paths.</summary>
    public bool NamesAny(IEnumerable<byte[]> texts) => Objects.Any(item => texts.Any(text => item.Names(text)));
}

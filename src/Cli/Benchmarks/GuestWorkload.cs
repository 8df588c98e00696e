using Semitone.Cli.Packing;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Benchmarks;

/// <summary>A program to measure with, packed.</summary>
/// <param name="Name">Row heading.</param>
/// <param name="Archive">Its root file system, open.</param>
/// <param name="Program">Its path in there.</param>
/// <param name="Arguments">As they stand on a kernel command line.</param>
internal sealed record GuestWorkload(string Name, FileStream Archive, string Program, string Arguments)
{
    /// <summary>Packs a root file system.</summary>
    public static GuestWorkload Pack(string name, string program, string arguments, Action<RootFileSystemWriter> fill)
    {
        FileStream archive = MemoryFile.Create("semitone-bench");
        RootFileSystemWriter writer = new(archive);
        fill(writer);

        // What Linux's first program needs of /dev; ours mounts its own over it.
        writer.AddCharacterDevice("/dev/console", 5, 1);
        writer.AddCharacterDevice("/dev/null", 1, 3);
        writer.AddCharacterDevice("/dev/zero", 1, 5);
        writer.Finish();
        return new GuestWorkload(name, archive, program, arguments);
    }
}

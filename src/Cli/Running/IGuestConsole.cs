using Semitone.HostLink;

namespace Semitone.Cli.Running;

/// <summary>Where a machine's output goes, and what its standard input is.</summary>
internal interface IGuestConsole
{
    /// <summary>The descriptor that is the program's standard input.</summary>
    int Input { get; }

    /// <summary>The program's standard input is a terminal, whose line discipline is the guest's.</summary>
    bool HasTerminalInput { get; }

    /// <summary>Our standard output is a terminal, which we set and whose size the program learns.</summary>
    bool HasTerminalOutput { get; }

    /// <summary>We are a shell's job: we stop when the program does, and keys that are typed again and again end the machine.</summary>
    bool IsJob { get; }

    /// <summary>Takes what the machine has said; of standard error and the kernel's log it may be lost.</summary>
    /// <param name="error">Why not, as errno has it.</param>
    /// <returns>False when standard output takes no more.</returns>
    bool TryWrite(LinkStream stream, ReadOnlySpan<byte> bytes, out int error);

    /// <summary>Takes a line of ours about the machine.</summary>
    void Say(string line);
}

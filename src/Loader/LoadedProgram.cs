using Semitone.Memory;

namespace Semitone.Loader;

/// <summary>A program that is ready to run: its memory is mapped, its stack is filled.</summary>
public sealed class LoadedProgram
{
    /// <summary>The memory, owned by whoever takes the program over.</summary>
    public required AddressSpace Space { get; init; }

    /// <summary>RIP of the first thread: the interpreter's entry where there is one.</summary>
    public required ulong InstructionPointer { get; init; }

    /// <summary>RSP of the first thread. All other registers are zero (System V ABI, 3.4.1).</summary>
    public required ulong StackPointer { get; init; }

    /// <summary>The ELF file that runs: of a script, its interpreter (/proc/PID/exe).</summary>
    public required IProgramFile Executable { get; init; }

    /// <summary>The program, as mapped.</summary>
    public required LoadedImage Program { get; init; }

    /// <summary>The ELF interpreter, as mapped; null for a static program.</summary>
    public required LoadedImage? Interpreter { get; init; }

    /// <summary>
    /// What the thread is called from now on (/proc/PID/comm): the last part of the path that was executed, at most 15 bytes.
    /// </summary>
    public required byte[] Name { get; init; }

    /// <summary>The argument strings, one after the other (/proc/PID/cmdline).</summary>
    public required ulong ArgumentStart { get; init; }

    public required ulong ArgumentEnd { get; init; }

    /// <summary>The environment strings, one after the other (/proc/PID/environ).</summary>
    public required ulong EnvironmentStart { get; init; }

    public required ulong EnvironmentEnd { get; init; }

    /// <summary>The auxiliary vector with its AT_NULL (/proc/PID/auxv).</summary>
    public required byte[] AuxiliaryVector { get; init; }
}

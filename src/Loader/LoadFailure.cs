using System.Text;
using Semitone.Abi;
using Semitone.Elf;

namespace Semitone.Loader;

/// <summary>Which part of exec failed.</summary>
public enum LoadStage : byte
{
    /// <summary>Finding the program, or the interpreter of a script.</summary>
    Open,

    /// <summary>Reading the program's headers.</summary>
    Parse,

    /// <summary>Finding or reading the ELF interpreter.</summary>
    Interpreter,

    /// <summary>Mapping the segments, the stack or the vDSO.</summary>
    Map,

    /// <summary>Putting arguments and environment on the stack.</summary>
    Arguments,
}

/// <summary>Why a program could not be loaded, for the line that says so.</summary>
/// <param name="Program">The path of the file in question.</param>
/// <param name="Interpreter">The path of the ELF interpreter, at that stage.</param>
public readonly record struct LoadFailure(LoadStage Stage, Errno Error, ElfDefect Defect, byte[] Program, byte[]? Interpreter)
{
    /// <summary>The file of which pages must be fetched, when that is all that is wrong (<see cref="InternalErrno.MustWait"/>).</summary>
    public IProgramFile? Lacking { get; init; }

    public override string ToString()
    {
        string program = Encoding.UTF8.GetString(Program);
        string reason = string.Concat(Error.GetText(), " (-", ((int)Error).ToString(), ")");
        return Stage switch
        {
            LoadStage.Parse when Defect == ElfDefect.MachineMismatch => program + ": ELF machine type mismatch!",
            LoadStage.Parse => string.Concat(program, ": Parsing of ELF image failed: ", reason),
            LoadStage.Interpreter =>
                string.Concat(program, ": Failed to load program interpreter ", Encoding.UTF8.GetString(Interpreter ?? []), ": ", reason),
            LoadStage.Map => string.Concat(program, ": Mapping of ELF image failed: ", reason),
            LoadStage.Arguments => string.Concat(program, ": Arguments and environment do not fit: ", reason),
            _ => string.Concat(program, ": ", reason),
        };
    }
}

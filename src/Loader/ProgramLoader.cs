using Semitone.Abi;
using Semitone.Machine;
using Semitone.Memory;

namespace Semitone.Loader;

/// <summary>execve(2) up to the point where the new program takes over: finds the file, reads it, and builds an address space of its own for it.</summary>
/// <remarks>All or nothing: whatever fails, the caller's address space has not been touched, and everything that was built is gone.</remarks>
public sealed class ProgramLoader
{
    public ProgramLoader(IMachine machine, FramePool frames, Vdso vdso)
    {
        _ = machine;
        _ = frames;
        _ = vdso;
    }

    /// <summary>Loads a program.</summary>
    /// <param name="request">What and for whom.</param>
    /// <param name="files">How files are found.</param>
    /// <param name="program">The program, when the result is None.</param>
    /// <param name="failure">What went wrong, otherwise.</param>
    /// <returns>None, or what execve(2) answers.</returns>
    public Errno Load(ExecRequest request, IProgramLookup files, out LoadedProgram? program, out LoadFailure failure) => throw new NotImplementedException();
}

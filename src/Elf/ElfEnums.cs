namespace Semitone.Elf;

/// <summary>What kind of file it is (e_type; elf(5)).</summary>
public enum ElfFileType : ushort
{
    None = 0,
    Relocatable = 1,

    /// <summary>ET_EXEC: a program at fixed addresses.</summary>
    Executable = 2,

    /// <summary>ET_DYN: a shared object, or a program that may lie anywhere.</summary>
    SharedObject = 3,
    Core = 4,
}

/// <summary>The instruction set (e_machine), as far as a message needs to name it.</summary>
public enum ElfMachine : ushort
{
    None = 0,
    I386 = 3,
    Arm = 40,
    X86_64 = 62,
    AArch64 = 183,
    RiscV = 243,
}

/// <summary>What a program header describes (p_type).</summary>
public enum ElfSegmentType : uint
{
    Null = 0,
    Load = 1,
    Dynamic = 2,
    Interpreter = 3,
    Note = 4,
    ProgramHeaders = 6,
    ThreadLocal = 7,
    GnuStack = 0x6474_E551,
    GnuRelro = 0x6474_E552,
    GnuProperty = 0x6474_E553,
}

/// <summary>What a program may do with a segment (p_flags).</summary>
[Flags]
public enum ElfSegmentFlags : uint
{
    None = 0,
    Execute = 1,
    Write = 2,
    Read = 4,
}

/// <summary>What makes a file no program of this machine.</summary>
public enum ElfDefect : byte
{
    None,

    /// <summary>The source could not be read.</summary>
    Unreadable,

    /// <summary>The file does not start as an ELF file does.</summary>
    NotElf,

    /// <summary>It is made for another instruction set.</summary>
    MachineMismatch,

    /// <summary>It is neither a program nor a shared object.</summary>
    BadType,

    /// <summary>The program headers have the wrong size, are missing, too many, or beyond the end of the file.</summary>
    BadProgramHeaders,

    /// <summary>The path of the program interpreter is too long, empty, or has no end.</summary>
    BadInterpreterPath,

    /// <summary>The path of the program interpreter lies beyond the end of the file.</summary>
    TruncatedInterpreterPath,

    /// <summary>A segment is longer in the file than in memory, leaves the address space, or cannot be mapped by pages.</summary>
    BadSegment,

    /// <summary>There is nothing to load.</summary>
    NoSegments,
}

using System.Buffers.Binary;
using Semitone.Abi;

namespace Semitone.Loader;

/// <summary>What a program finds on its stack when it starts (System V ABI AMD64, 3.4.1), as Linux arranges it.</summary>
/// <remarks>
/// From the top down: a null word, the executed path, the environment's strings, the arguments' strings; a gap of random size; the
/// platform's name, 16 random bytes; then, aligned to 16 with RSP at its start: argc, argv, envp, the auxiliary vector.
/// </remarks>
internal ref struct StackImage
{
    private const int EntrySize = 2 * sizeof(ulong);
    private const int MaxAuxiliaryEntries = 24;
    private const int RandomSize = 16;

    private readonly ArgumentBlock _strings;
    private readonly ulong _top;
    private readonly Span<byte> _stringBytes;
    private readonly Span<byte> _vectorBytes;
    private readonly ulong _vectorEnd;
    private int _position;

    /// <param name="strings">Arguments, environment and path.</param>
    /// <param name="top">First address above the stack.</param>
    /// <param name="gap">Bytes to leave between strings and vectors.</param>
    public StackImage(in ArgumentBlock strings, ulong top, uint gap)
    {
        _strings = strings;
        _top = top;
        int stringSize = strings.Size + sizeof(ulong);
        StringStart = top - (ulong)stringSize;
        _vectorEnd = (StringStart - gap) & ~15UL;

        int words = 1 + strings.Arguments.Length + 1 + strings.Environment.Count + 1;
        int size = (words * sizeof(ulong)) + (MaxAuxiliaryEntries * EntrySize) + Platform.Length + 1 + RandomSize;
        size = (size + 15) & ~15;
        VectorStart = _vectorEnd - (ulong)size;

        byte[] bytes = new byte[stringSize + size];
        _stringBytes = bytes.AsSpan(0, stringSize);
        _vectorBytes = bytes.AsSpan(stringSize);
    }

    /// <summary>First address of the strings, which reach to the top.</summary>
    public ulong StringStart { get; }

    /// <summary>RSP of the program; the vectors reach up to the platform's name.</summary>
    public ulong VectorStart { get; }

    public readonly ReadOnlySpan<byte> StringBytes => _stringBytes;

    public readonly ReadOnlySpan<byte> VectorBytes => _vectorBytes;

    /// <summary>First address of the arguments' strings.</summary>
    public readonly ulong ArgumentStart => StringStart;

    /// <summary>First address of the environment's strings, which follow the arguments'.</summary>
    public ulong EnvironmentStart { get; private set; }

    public ulong EnvironmentEnd { get; private set; }

    /// <summary>Address of the executed path.</summary>
    public readonly ulong PathAddress => EnvironmentEnd;

    /// <summary>Address of the platform's name.</summary>
    public readonly ulong PlatformAddress => _vectorEnd - (ulong)Platform.Length - 1;

    /// <summary>Address of the 16 random bytes.</summary>
    public readonly ulong RandomAddress => PlatformAddress - RandomSize;

    private static ReadOnlySpan<byte> Platform => "x86_64"u8;

    /// <summary>Where the auxiliary vector begins among <see cref="VectorBytes"/>, once the strings are written.</summary>
    public int AuxiliaryOffset { get; private set; }

    /// <summary>The auxiliary vector as far as it is written.</summary>
    public readonly ReadOnlySpan<byte> AuxiliaryBytes => _vectorBytes[AuxiliaryOffset.._position];

    /// <summary>Writes strings and the pointers to them.</summary>
    /// <param name="random">16 bytes for AT_RANDOM.</param>
    public void WriteStrings(scoped ReadOnlySpan<byte> random)
    {
        int vectorSize = _vectorBytes.Length;
        Platform.CopyTo(_vectorBytes[(vectorSize - Platform.Length - 1)..]);
        random.CopyTo(_vectorBytes[(vectorSize - Platform.Length - 1 - RandomSize)..]);

        int used = 0;
        WriteWord((ulong)_strings.Arguments.Length);
        foreach (byte[] argument in _strings.Arguments)
        {
            WriteWord(StringStart + (ulong)used);
            WriteString(argument, ref used);
        }

        WriteWord(0);
        EnvironmentStart = StringStart + (ulong)used;
        for (int index = 0; index < _strings.Environment.Count; index++)
        {
            WriteWord(StringStart + (ulong)used);
            WriteString(_strings.Environment[index], ref used);
        }

        WriteWord(0);
        EnvironmentEnd = StringStart + (ulong)used;
        WriteString(_strings.Path, ref used);
        AuxiliaryOffset = _position;
    }

    /// <summary>Writes the auxiliary vector.</summary>
    public void WriteAuxiliary(scoped ReadOnlySpan<AuxiliaryEntry> entries)
    {
        foreach (AuxiliaryEntry entry in entries)
        {
            WriteWord((ulong)entry.Type);
            WriteWord(entry.Value);
        }
    }

    private void WriteWord(ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(_vectorBytes[_position..], value);
        _position += sizeof(ulong);
    }

    private readonly void WriteString(byte[] text, ref int used)
    {
        text.CopyTo(_stringBytes[used..]);
        used += text.Length + 1;
    }
}

namespace Semitone.Machine.X64;

/// <summary>The serial line that Metal drives.</summary>
internal sealed unsafe class SerialConsole : IConsole
{
    private readonly MetalDoor* _door;

    internal SerialConsole(MetalDoor* door) => _door = door;

    public void Write(ReadOnlySpan<byte> bytes)
    {
        // SAFETY: Metal reads this many bytes before it returns.
        fixed (byte* start = bytes)
        {
            _door->WriteConsole(start, bytes.Length);
        }
    }

    public void Write(ReadOnlySpan<byte> header, ReadOnlySpan<byte> body)
    {
        Write(header);
        Write(body);
    }

    /// <summary>Always: it does not tell when it has.</summary>
    public bool HasRoom(int count) => true;

    public int Read(Span<byte> buffer)
    {
        // SAFETY: Metal writes at most this many bytes before it returns.
        fixed (byte* start = buffer)
        {
            return _door->ReadConsole(start, buffer.Length);
        }
    }
}

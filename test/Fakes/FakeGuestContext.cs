using Semitone.Machine;

namespace Semitone.Fakes;

/// <summary>A guest thread's registers in a field.</summary>
public sealed class FakeGuestContext : IGuestContext
{
    private GuestRegisters _registers;
    private readonly byte[] _extendedState = new byte[576];

    void IGuestContext.BelongsToMachine()
    {
    }

    public ref GuestRegisters Registers => ref _registers;

    public ulong GsBase { get; set; }

    public int ExtendedStateSize => _extendedState.Length;

    /// <summary>Whether <see cref="TryLoadExtendedState"/> refuses what it is given, as the CPU does with reserved bits.</summary>
    public bool RefusesExtendedState { get; set; }

    public bool IsDisposed { get; private set; }

    public void ResetSegments() => GsBase = 0;

    public void SaveExtendedState(Span<byte> destination) => _extendedState.CopyTo(destination);

    public bool TryLoadExtendedState(ReadOnlySpan<byte> source)
    {
        if (RefusesExtendedState)
        {
            return false;
        }

        source.Slice(0, _extendedState.Length).CopyTo(_extendedState);
        return true;
    }

    public void ResetExtendedState() => Array.Clear(_extendedState);

    public void CopyFrom(IGuestContext other)
    {
        _registers = other.Registers;
        GsBase = other.GsBase;
        ((FakeGuestContext)other)._extendedState.CopyTo(_extendedState, 0);
    }

    public void Dispose() => IsDisposed = true;
}

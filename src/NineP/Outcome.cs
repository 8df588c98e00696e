using Semitone.Abi;

namespace Semitone.NineP;

/// <summary>What the server answered, or why it did not.</summary>
/// <param name="Error">None, or what the request was refused with.</param>
/// <param name="Value">Valid without an error.</param>
public readonly record struct Outcome<T>(Errno Error, T Value)
{
    public static implicit operator Outcome<T>(Errno error) => new(error, default!);

    public static implicit operator Outcome<T>(T value) => new(Errno.None, value);
}

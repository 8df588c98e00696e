namespace Semitone.Abi;

/// <summary>An address in a guest's memory at which a <typeparamref name="T"/> is expected. It cannot be dereferenced here.</summary>
public readonly record struct UserPtr<T>(ulong Address)
    where T : unmanaged
{
    public bool IsNull => Address == 0;
}

/// <summary>An address in a guest's memory at which a NUL-terminated string is expected.</summary>
public readonly record struct UserCString(ulong Address)
{
    public bool IsNull => Address == 0;
}

/// <summary>A range of a guest's memory.</summary>
/// <param name="Address">First byte, not checked.</param>
/// <param name="Length">Bytes, as the guest gave them.</param>
public readonly record struct UserSpan(ulong Address, nuint Length);

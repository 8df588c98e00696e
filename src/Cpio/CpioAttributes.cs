namespace Semitone.Cpio;

/// <summary>What a <see cref="CpioWriter"/> records of a file besides its name and data.</summary>
/// <param name="Permissions">The low twelve bits of the mode (inode(7)).</param>
/// <param name="ModifiedTime">Seconds since 1970.</param>
public readonly record struct CpioAttributes(uint Permissions, uint Uid = 0, uint Gid = 0, uint ModifiedTime = 0);

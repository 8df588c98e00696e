using System.Buffers.Binary;

namespace Semitone.Cli.Posix;

/// <summary>What statx(2) tells of a file, as far as an archive records it.</summary>
internal readonly record struct FileStatus(
    uint Mode, uint Links, uint Uid, uint Gid, ulong Inode, long Size, uint ModifiedTime, uint Device, uint DeviceMajor, uint DeviceMinor)
{
    private const uint TypeMask = 0xF000;

    public bool IsDirectory => (Mode & TypeMask) == 0x4000;

    public bool IsRegular => (Mode & TypeMask) == 0x8000;

    public bool IsSymbolicLink => (Mode & TypeMask) == 0xA000;

    public bool IsCharacterDevice => (Mode & TypeMask) == 0x2000;

    public bool IsBlockDevice => (Mode & TypeMask) == 0x6000;

    public bool IsFifo => (Mode & TypeMask) == 0x1000;

    public uint Permissions => Mode & 0xFFF;

    /// <summary>Reads the status of a path, of a symbolic link itself.</summary>
    public static bool TryRead(string path, out FileStatus status) => TryRead(path, LibC.AT_SYMLINK_NOFOLLOW, out status);

    /// <summary>Reads the status of what a path leads to.</summary>
    public static bool TryFollow(string path, out FileStatus status) => TryRead(path, 0, out status);

    /// <summary>Reads the status of an open file.</summary>
    public static bool TryReadOpen(int descriptor, out FileStatus status) => TryRead(descriptor, "", LibC.AT_EMPTY_PATH, out status);

    private static bool TryRead(string path, int flags, out FileStatus status) => TryRead(LibC.AT_FDCWD, path, flags, out status);

    private static bool TryRead(int folder, string path, int flags, out FileStatus status)
    {
        // struct statx, statx(2): 256 bytes whose layout is the same everywhere.
        byte[] raw = new byte[256];
        if (LibC.statx(folder, HostText.ToCString(path), flags, LibC.STATX_BASIC_STATS, raw) != 0)
        {
            status = default;
            return false;
        }

        uint Field(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(raw.AsSpan(offset));
        ulong LongField(int offset) => BinaryPrimitives.ReadUInt64LittleEndian(raw.AsSpan(offset));
        status = new FileStatus(
            Mode: BinaryPrimitives.ReadUInt16LittleEndian(raw.AsSpan(28)),
            Links: Field(16),
            Uid: Field(20),
            Gid: Field(24),
            Inode: LongField(32),
            Size: (long)LongField(40),
            ModifiedTime: (uint)Math.Clamp((long)LongField(112), 0, uint.MaxValue),
            Device: (Field(136) << 20) | Field(140),
            DeviceMajor: Field(128),
            DeviceMinor: Field(132));
        return true;
    }
}

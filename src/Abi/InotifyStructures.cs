using System.Runtime.InteropServices;

namespace Semitone.Abi;

/// <summary>Flags of inotify_init1(2).</summary>
[Flags]
public enum InotifyInitFlags : uint
{
    None = 0,
    IN_NONBLOCK = 0x800,
    IN_CLOEXEC = 0x8_0000,
}

/// <summary>What happened to a file, and how it is watched (inotify(7)).</summary>
[Flags]
public enum InotifyMask : uint
{
    None = 0,
    IN_ACCESS = 0x1,
    IN_MODIFY = 0x2,
    IN_ATTRIB = 0x4,
    IN_CLOSE_WRITE = 0x8,
    IN_CLOSE_NOWRITE = 0x10,
    IN_OPEN = 0x20,
    IN_MOVED_FROM = 0x40,
    IN_MOVED_TO = 0x80,
    IN_CREATE = 0x100,
    IN_DELETE = 0x200,
    IN_DELETE_SELF = 0x400,
    IN_MOVE_SELF = 0x800,
    IN_ALL_EVENTS = 0xFFF,
    IN_UNMOUNT = 0x2000,
    IN_Q_OVERFLOW = 0x4000,
    IN_IGNORED = 0x8000,
    IN_ONLYDIR = 0x100_0000,
    IN_DONT_FOLLOW = 0x200_0000,
    IN_EXCL_UNLINK = 0x400_0000,
    IN_MASK_CREATE = 0x1000_0000,
    IN_MASK_ADD = 0x2000_0000,
    IN_ISDIR = 0x4000_0000,
    IN_ONESHOT = 0x8000_0000,
}

/// <summary>What reading from an inotify descriptor gives for each event; the name follows, padded with NULs to a multiple of it.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct InotifyEvent
{
    public int wd;
    public InotifyMask mask;
    public uint cookie;
    public uint len;
}

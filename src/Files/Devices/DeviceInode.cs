using Semitone.Abi;

namespace Semitone.Files;

/// <summary>The node of a device, or of a socket.</summary>
public class DeviceInode(FileSystem fileSystem, ulong number, Mode mode, DeviceNumber device) : Inode(fileSystem, number, mode)
{
    public override DeviceNumber TargetDevice => device;

    public override Errno Open(OpenFlags flags, out OpenFile? file)
    {
        if (Type == Mode.S_IFCHR
            && (FileSystem.Flags & MountFlags.MS_NODEV) == 0
            && FileSystem.Services.Devices.TryGet(device, out CharacterDevice? driver))
        {
            return driver.Open(this, flags, out file);
        }
        file = null;
        return (FileSystem.Flags & MountFlags.MS_NODEV) != 0 ? Errno.EACCES : Errno.ENXIO;
    }
}

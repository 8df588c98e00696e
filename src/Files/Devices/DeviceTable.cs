using System.Diagnostics.CodeAnalysis;
using Semitone.Abi;

namespace Semitone.Files;

/// <summary>What stands behind a character device's node.</summary>
public abstract class CharacterDevice
{
    /// <summary>Opens the device through one of its nodes.</summary>
    public abstract Errno Open(Inode node, OpenFlags flags, out OpenFile? file);
}

/// <summary>The character devices that exist, by number. There are few: a list is enough.</summary>
public sealed class DeviceTable
{
    private (DeviceNumber Number, CharacterDevice Device)[] _devices = new (DeviceNumber, CharacterDevice)[8];
    private int _count;

    /// <summary>Adds a device, or puts another one in its place.</summary>
    public void Register(DeviceNumber number, CharacterDevice device)
    {
        for (int i = 0; i < _count; i++)
        {
            if (_devices[i].Number == number)
            {
                _devices[i].Device = device;
                return;
            }
        }
        if (_count == _devices.Length)
        {
            Array.Resize(ref _devices, _count * 2);
        }
        _devices[_count++] = (number, device);
    }

    public bool TryGet(DeviceNumber number, [NotNullWhen(true)] out CharacterDevice? device)
    {
        for (int i = 0; i < _count; i++)
        {
            if (_devices[i].Number == number)
            {
                device = _devices[i].Device;
                return true;
            }
        }
        device = null;
        return false;
    }
}

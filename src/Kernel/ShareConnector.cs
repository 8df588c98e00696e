using System.Diagnostics.CodeAnalysis;
using Semitone.Abi;
using Semitone.BootParameters;
using Semitone.Core;
using Semitone.Drivers;
using Semitone.Files;
using Semitone.Machine;
using Semitone.NineP;

namespace Semitone.Kernel;

/// <summary>Connects to the folders that the host shares with the machine.</summary>
internal sealed class ShareConnector(IMachine machine, FileServices services, Executor executor, DeviceSet devices)
{
    /// <summary>How long a server may take to answer at all.</summary>
    internal const long PatienceNs = 20_000_000_000;

    private Outcome<NinePFileSystem> _connected;

    /// <summary>Connects to the share that an entry names.</summary>
    /// <param name="entry">One of type <c>9pfs</c>.</param>
    /// <param name="deviceMinor">What st_dev is made of.</param>
    /// <param name="share">Its files.</param>
    /// <param name="problem">Why not.</param>
    internal bool TryConnect(
        MountEntry entry, uint deviceMinor, [NotNullWhen(true)] out NinePFileSystem? share, [NotNullWhen(false)] out string? problem)
    {
        share = null;
        if (NinePOptions.Parse(entry.Options, out string bad) is not { } options)
        {
            problem = $"the option {bad} is not known, or not to be had";
            return false;
        }

        if (!devices.TryTakeShare(entry.Device, out VirtioDevice? device))
        {
            problem = "no device has a share of that name";
            return false;
        }

        NinePTransport transport = new(machine);
        if (!transport.TryOpen(device, executor))
        {
            problem = "there is no memory for its device";
            return false;
        }

        if (!executor.RunUntil(ConnectAsync(deviceMinor, transport, options), machine.Clock.MonotonicNs + PatienceNs))
        {
            transport.Stop();
            problem = "its server does not answer";
            return false;
        }

        share = _connected.Error == Errno.None ? _connected.Value : null;
        problem = share is null ? $"its server answers {_connected.Error}" : null;
        if (share is not null)
        {
            share.Flags |= (MountFlags)entry.Flags & MountFlags.MS_RDONLY;
        }

        return share is not null;
    }

    private async Task ConnectAsync(uint deviceMinor, NinePTransport transport, NinePOptions options) =>
        _connected = await NinePFileSystem.ConnectAsync(services, deviceMinor, executor, transport, options);
}

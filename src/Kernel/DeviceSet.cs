using System.Diagnostics.CodeAnalysis;
using System.Text;
using Semitone.BootParameters;
using Semitone.Drivers;
using Semitone.HostLink;
using Semitone.Machine;

namespace Semitone.Kernel;

/// <summary>The virtio devices that the kernel makes use of.</summary>
/// <remarks>They are looked for before there is a log, because what the log is written to may be one of them.</remarks>
internal sealed class DeviceSet
{
    private readonly List<(byte[] Tag, VirtioDevice Device)> _shares = [];

    internal DeviceSet(IMachine machine, BootOptions options)
    {
        HostLine = machine.Console;
        foreach (VirtioDevice device in VirtioBus.Find(machine, Name(options.DeviceWindows)))
        {
            string? problem = null;
            switch (device.Kind)
            {
                case VirtioDeviceKind.Console when options.HostLink && Console is null:
                    OpenConsole(machine, device, out problem);
                    break;
                case VirtioDeviceKind.Entropy when Entropy is null:
                    if (EntropyDevice.TryOpen(device, out EntropyDevice? entropy, out problem))
                    {
                        Entropy = entropy;
                    }

                    break;
                case VirtioDeviceKind.Network:
                    (Cards ??= []).Add(device);
                    break;
                case VirtioDeviceKind.NineP:
                    if (NinePDevice.TryReadTag(device, out byte[] tag, out problem))
                    {
                        _shares.Add((tag, device));
                    }

                    break;
            }

            if (problem is not null)
            {
                (Problems ??= []).Add($"{device.Name}: {problem}");
            }
        }
    }

    /// <summary>The line to the host: the console's port for the host link, or the serial line.</summary>
    internal IConsole HostLine { get; private set; }

    /// <summary>The console with that port; null when there is none.</summary>
    internal ConsoleDevice? Console { get; private set; }

    internal EntropyDevice? Entropy { get; }

    /// <summary>Network cards, of which none was touched yet; null for none.</summary>
    internal List<VirtioDevice>? Cards { get; private set; }

    /// <summary>What was wrong with devices that are there; null when nothing was.</summary>
    internal List<string>? Problems { get; private set; }

    /// <summary>Gets the device with a share that nobody has mounted yet.</summary>
    /// <param name="tag">What the host calls it.</param>
    internal bool TryTakeShare(ReadOnlySpan<byte> tag, [NotNullWhen(true)] out VirtioDevice? device)
    {
        device = null;
        for (int i = 0; i < _shares.Count && device is null; i++)
        {
            if (_shares[i].Tag.AsSpan().SequenceEqual(tag))
            {
                device = _shares[i].Device;
                _shares.RemoveAt(i);
            }
        }

        return device is not null;
    }

    private static ReadOnlySpan<NamedWindow> Name(List<DeviceWindow>? windows)
    {
        if (windows is null)
        {
            return default;
        }

        NamedWindow[] named = new NamedWindow[windows.Count];
        for (int i = 0; i < named.Length; i++)
        {
            named[i] = new NamedWindow(windows[i].Address, windows[i].Input);
        }

        return named;
    }

    private void OpenConsole(IMachine machine, VirtioDevice device, out string? problem)
    {
        Span<byte> name = stackalloc byte[LinkFormat.PortName.Length];
        Encoding.ASCII.GetBytes(LinkFormat.PortName, name);
        if (ConsoleDevice.TryOpen(device, name, machine.Console, machine.Clock, out ConsoleDevice? console, out problem))
        {
            Console = console;
            HostLine = console;
        }
    }
}

using System.Globalization;
using Semitone.Drivers;
using Semitone.Machine;
using Semitone.Machine.X64;

namespace Semitone.Guest;

/// <summary>The drivers beside QEMU's devices: <c>devices=N</c> on the command line says how many entropy devices there are.</summary>
internal static class DriverCases
{
    private const long LimitNs = 20_000_000_000;

    internal static readonly (string Name, Action<X64Machine> Body)[] All =
    [
        ("Devices_ThatAreThere_AreFoundAndAnswer", FindAll),
    ];

    private static void FindAll(X64Machine machine)
    {
        int expected = TestRun.TryGetOption(machine, "devices", out string? count) ? int.Parse(count, CultureInfo.InvariantCulture) : 0;
        List<VirtioDevice> devices = VirtioBus.Find(machine, []);
        Check.Equal(expected, devices.Count, "devices");
        foreach (VirtioDevice device in devices)
        {
            Check.Equal((int)VirtioDeviceKind.Entropy, (int)device.Kind, device.Name);
            Check.True(EntropyDevice.TryOpen(device, out EntropyDevice? entropy, out string? problem), $"{device.Name}: {problem}");
            byte[] first = Take(machine, device, entropy);
            byte[] second = Take(machine, device, entropy);
            Check.True(!first.AsSpan().SequenceEqual(second), $"{device.Name} repeats itself");
            CheckInterrupt(machine, device, entropy);
        }
    }

    private static byte[] Take(X64Machine machine, VirtioDevice device, EntropyDevice entropy)
    {
        byte[] bytes = new byte[EntropyDevice.RequestLength];
        entropy.Request();
        long limitNs = machine.Clock.MonotonicNs + LimitNs;
        while (entropy.Take(bytes) == 0)
        {
            Check.True(machine.Clock.MonotonicNs < limitNs, $"{device.Name} does not answer");
            machine.Cpu.SetAlarm(machine.Clock.MonotonicNs + 1_000_000);
            machine.Cpu.Idle();
        }

        return bytes;
    }

    /// <summary>An answer ends the idle CPU's sleep, when one is asked for.</summary>
    private static void CheckInterrupt(X64Machine machine, VirtioDevice device, EntropyDevice entropy)
    {
        device.TakeInterrupt();
        for (int i = 0; i < 3; i++)
        {
            entropy.EnableInterrupt();
            entropy.Request();
            long limitNs = machine.Clock.MonotonicNs + LimitNs;
            while (!device.TakeInterrupt())
            {
                Check.True(machine.Clock.MonotonicNs < limitNs, $"{device.Name} does not interrupt");
                machine.Cpu.SetAlarm(limitNs);
                machine.Cpu.Idle();
            }

            Check.True(entropy.Take(new byte[EntropyDevice.RequestLength]) > 0, $"{device.Name} interrupts without an answer");
        }
    }
}

using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Qemu;

/// <summary>
/// QEMU's monitor protocol over a pair of sockets, as far as it tells that a machine has stopped: KVM gives up, and QEMU waits for ever for
/// somebody to look; or somebody has asked it to.
/// </summary>
/// <remarks>QEMU's docs/interop/qmp-spec: a line of JSON each way. A QEMU that never speaks is no concern of this class.</remarks>
internal sealed class MachineMonitor : IDisposable
{
    /// <summary>Beyond the numbers that a child is given.</summary>
    private const int FirstDescriptor = 16;

    private readonly int _ours;
    private readonly Lock _lock = new();
    private bool _isClosed;

    private MachineMonitor(int ours, int theirs)
    {
        _ours = ours;
        ChildDescriptor = theirs;
    }

    /// <summary>The end that QEMU is to have. To be closed here when it has it.</summary>
    public int ChildDescriptor { get; }

    /// <summary>Makes the sockets.</summary>
    public static MachineMonitor Create()
    {
        int[] ends = new int[2];
        if (LibC.socketpair(LibC.AF_UNIX, LibC.SOCK_STREAM | LibC.SOCK_CLOEXEC, 0, ends) != 0)
        {
            throw new CommandFailedException(
                ExitStatus.MachineFailed, $"no sockets could be made: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");
        }

        int theirs = LibC.fcntl(ends[1], LibC.F_DUPFD_CLOEXEC, FirstDescriptor);
        LibC.close(ends[1]);
        return new MachineMonitor(ends[0], theirs);
    }

    /// <summary>Reads, until QEMU ends.</summary>
    /// <param name="hasStarted">Called once, when the guest runs.</param>
    /// <param name="hasStopped">Called when it does no more, and QEMU is still there. Tells whether to go on reading.</param>
    /// <param name="goesOn">Called when it does more.</param>
    public void Watch(Action hasStarted, Func<bool> hasStopped, Action? goesOn = null)
    {
        // Nothing is sent to a program that does not say what it is.
        using StreamReader reader = new(new DescriptorStream(_ours), Encoding.UTF8);
        if (reader.ReadLine() is not { } greeting || !greeting.Contains("\"QMP\"", StringComparison.Ordinal)
            || !Descriptor.TryWrite(_ours, "{\"execute\":\"qmp_capabilities\"}\n{\"execute\":\"query-status\"}\n"u8))
        {
            return;
        }

        while (reader.ReadLine() is { } line)
        {
            switch (IsRunning(line))
            {
                case true when line.Contains("\"event\"", StringComparison.Ordinal):
                    goesOn?.Invoke();
                    break;
                case true:
                    hasStarted();
                    break;
                case false when !hasStopped():
                    return;
            }
        }
    }

    /// <summary>Has QEMU do something that has no arguments, without waiting for it.</summary>
    /// <returns>False when it is gone.</returns>
    public bool TryExecute(string command)
    {
        lock (_lock)
        {
            return !_isClosed && Descriptor.TryWrite(_ours, Encoding.UTF8.GetBytes($"{{\"execute\":\"{command}\"}}\n"));
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _isClosed = true;
            LibC.close(_ours);
        }
    }

    /// <summary>Reads a line of QEMU's.</summary>
    /// <returns>Null when it says nothing about that.</returns>
    internal static bool? IsRunning(string line)
    {
        try
        {
            using JsonDocument message = JsonDocument.Parse(line);
            JsonElement root = message.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
            {
                return null;
            }

            if (root.TryGetProperty("event", out JsonElement name))
            {
                return name.ValueEquals("STOP") ? false : name.ValueEquals("RESUME") ? true : null;
            }

            return root.TryGetProperty("return", out JsonElement answer)
                && answer.ValueKind == JsonValueKind.Object
                && answer.TryGetProperty("running", out JsonElement running)
                ? running.ValueKind == JsonValueKind.True
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

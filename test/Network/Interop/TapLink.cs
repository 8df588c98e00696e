using System.Runtime.InteropServices;
using Semitone.Net;

namespace Semitone.Network.Interop;

/// <summary>A TAP device of the Linux that the tests run on: a wire to its own stack.</summary>
internal sealed class TapLink : ILink, IDisposable
{
    private const int ReadWriteNonBlocking = 2 | 0x800;
    private const ulong SetInterface = 0x400454CA;
    private const short TapWithoutHeader = 0x1002;

    private readonly PacketPool _pool = new(2048, 1024);
    private readonly byte[] _frame = new byte[2048];
    private readonly int _descriptor;

    public TapLink(string name)
    {
        _descriptor = Open("/dev/net/tun", ReadWriteNonBlocking);
        byte[] request = new byte[40];
        System.Text.Encoding.ASCII.GetBytes(name).CopyTo(request, 0);
        BitConverter.GetBytes(TapWithoutHeader).CopyTo(request, 16);
        if (_descriptor < 0 || Control(_descriptor, SetInterface, request) < 0)
        {
            throw new InvalidOperationException($"There is no TAP device {name}: error {Marshal.GetLastPInvokeError()}.");
        }
    }

    public int Mtu => 1500;

    public MacAddress Address => new(0x5254_0012_3456);

    public bool IsEthernet => true;

    public bool IsUp => true;

    public LinkOffloads Offloads => LinkOffloads.None;

    public int UsedBuffers => _pool.UsedCount;

    /// <summary>Says for each frame, either way, whether it is lost; null for none.</summary>
    public Func<bool>? Loses { get; init; }

    public bool TrySend(in OutgoingFrame frame)
    {
        if (Loses is not null && Loses())
        {
            return true;
        }

        byte[] bytes = new byte[frame.Length];
        frame.Headers.CopyTo(bytes);
        frame.Payload.CopyTo(bytes.AsSpan(frame.Headers.Length));
        frame.MorePayload.CopyTo(bytes.AsSpan(frame.Headers.Length + frame.Payload.Length));
        return Write(_descriptor, bytes, bytes.Length) == bytes.Length;
    }

    public void Flush()
    {
    }

    /// <summary>Hands all frames that have come to a stack.</summary>
    /// <returns>Whether there were any.</returns>
    public bool Receive(NetworkStack stack, NetworkInterface networkInterface, long nowNs)
    {
        bool isAny = false;
        while (true)
        {
            nint length = Read(_descriptor, _frame, _frame.Length);
            if (length <= 0)
            {
                return isAny;
            }

            isAny = true;
            if (Loses is not null && Loses())
            {
                continue;
            }

            if (_pool.TryTake(out PacketBuffer? buffer))
            {
                buffer.Reset(0, (int)length);
                _frame.AsSpan(0, (int)length).CopyTo(buffer.Bytes);
                stack.Input(networkInterface, buffer, nowNs);
            }
        }
    }

    public void Dispose() => _ = Close(_descriptor);

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    private static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static extern int Control(int descriptor, ulong request, byte[] argument);

    [DllImport("libc", EntryPoint = "read", SetLastError = true)]
    private static extern nint Read(int descriptor, byte[] buffer, nint count);

    [DllImport("libc", EntryPoint = "write", SetLastError = true)]
    private static extern nint Write(int descriptor, byte[] buffer, nint count);

    [DllImport("libc", EntryPoint = "close", SetLastError = true)]
    private static extern int Close(int descriptor);
}

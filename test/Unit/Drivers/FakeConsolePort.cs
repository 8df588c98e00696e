using System.Buffers.Binary;
using System.Text;
using Semitone.Fakes;

namespace Semitone.Unit.Drivers;

/// <summary>
/// A console device with several ports, of which number 1 has a name (virtio 1.2, 5.3); the host's end is in the test's hands.
/// </summary>
internal sealed class FakeConsolePort
{
    private const int ControlReceive = 2;
    private const int ControlTransmit = 3;
    private const int Receive = 4;
    private const int Transmit = 5;

    private readonly MemoryStream _output = new();
    private readonly Queue<DeviceChain> _held = new();
    private readonly string _name;

    public FakeConsolePort(FakeDevices devices, string name = "semitone.link")
    {
        _name = name;
        Device = new FakeVirtioDevice(devices, 3, ulong.MaxValue, 128, 128, 32, 32, 128, 128)
        {
            Configuration = [0, 0, 0, 0, 2, 0, 0, 0],
            OnNotify = OnNotify,
        };
    }

    public FakeVirtioDevice Device { get; }

    public byte[] Output => _output.ToArray();

    /// <summary>The host takes no output: buffers stay with the device.</summary>
    public bool IsThrottled { get; set; }

    /// <summary>It does not answer control messages.</summary>
    public bool IsMute { get; set; }

    /// <summary>It says things that nobody asked for, before each answer.</summary>
    public bool IsChatty { get; set; }

    public bool IsOpen { get; private set; }

    /// <summary>Done instead of giving a buffer of output back.</summary>
    public Action<DeviceChain>? OnOutput { get; set; }

    /// <summary>Sends input, as far as there are buffers.</summary>
    /// <returns>Bytes sent.</returns>
    public int Send(ReadOnlySpan<byte> bytes)
    {
        int done = 0;
        while (done < bytes.Length && Device[Receive].Take() is { } chain)
        {
            int count = Device[Receive].Fill(chain, bytes[done..Math.Min(bytes.Length, done + 4096)]);
            Device.Return(Receive, chain, count);
            done += count;
        }

        return done;
    }

    /// <summary>Gives an empty buffer back.</summary>
    public bool SendNothing()
    {
        if (Device[Receive].Take() is not { } chain)
        {
            return false;
        }

        Device.Return(Receive, chain, 0);
        return true;
    }

    /// <summary>Takes what was held while it was throttled, or some of it.</summary>
    public void TakeHeld(int most = int.MaxValue)
    {
        for (; most > 0 && _held.TryDequeue(out DeviceChain? chain); most--)
        {
            _output.Write(Device[Transmit].ReadAll(chain));
            Device.Return(Transmit, chain, 0);
        }
    }

    public void Say(uint port, ushort what, ushort value, string text = "")
    {
        if (Device[ControlReceive].Take() is { } chain)
        {
            byte[] message = [.. new byte[8], .. Encoding.UTF8.GetBytes(text), .. text.Length > 0 ? [(byte)0] : Array.Empty<byte>()];
            BinaryPrimitives.WriteUInt32LittleEndian(message, port);
            BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(4), what);
            BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(6), value);
            Device.Return(ControlReceive, chain, Device[ControlReceive].Fill(chain, message));
        }
    }

    private void OnNotify(int queue)
    {
        if (queue == ControlTransmit)
        {
            while (Device[queue].Take() is { } chain)
            {
                Obey(Device[queue].ReadAll(chain));
                Device.Return(queue, chain, 0);
            }
        }
        else if (queue == Transmit)
        {
            while (Device[queue].Take() is { } chain)
            {
                if (OnOutput is not null)
                {
                    OnOutput(chain);
                    continue;
                }

                _held.Enqueue(chain);
                if (!IsThrottled)
                {
                    TakeHeld();
                }
            }
        }
    }

    private void Obey(byte[] message)
    {
        Assert.Equal(8, message.Length);
        if (IsMute)
        {
            return;
        }

        if (IsChatty)
        {
            Say(0, 1, 1);
            Say(7, 99, 3, "what?");
            Say(1, 6, 1);
        }

        uint port = BinaryPrimitives.ReadUInt32LittleEndian(message);
        switch (BinaryPrimitives.ReadUInt16LittleEndian(message.AsSpan(4)))
        {
            case 0:
                Say(0, 1, 1);
                Say(1, 1, 1);
                break;
            case 3 when port == 1:
                Say(1, 7, 1, _name);
                Say(1, 6, 1);
                break;
            case 6 when port == 1:
                IsOpen = true;
                break;
        }
    }
}

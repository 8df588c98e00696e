using Semitone.Metal.Cpu;

namespace Semitone.Metal.Devices;

/// <summary>The 16550A at I/O port 0x3F8: the console.</summary>
// SAFETY: callers give buffers of at least the length they say.
internal static unsafe class Serial
{
    private const ushort Port = 0x3F8;
    private const ushort InterruptEnable = Port + 1;
    private const ushort FifoControl = Port + 2;
    private const ushort LineControl = Port + 3;
    private const ushort ModemControl = Port + 4;
    private const ushort LineStatus = Port + 5;
    private const byte TransmitterEmpty = 0x20;
    private const byte TransmitterIdle = 0x40;
    private const byte DataReady = 0x01;
    private const int FifoDepth = 16;

    internal static void Initialize()
    {
        Instructions.Out8(InterruptEnable, 0);
        Instructions.Out8(LineControl, 0x03); // 8 data bits, no parity, one stop bit
        Instructions.Out8(FifoControl, 0xC7); // FIFOs on and emptied, interrupt at 14 bytes
        Instructions.Out8(ModemControl, 0x0B); // DTR, RTS, OUT2 (the interrupt line)
    }

    internal static void EnableReceiveInterrupt() => Instructions.Out8(InterruptEnable, 0x01);

    internal static void Write(byte* bytes, long count)
    {
        while (count > 0)
        {
            while ((Instructions.In8(LineStatus) & TransmitterEmpty) == 0)
            {
            }

            // An empty transmitter takes a whole FIFO.
            for (int room = FifoDepth; room > 0 && count > 0; room--, count--)
            {
                Instructions.Out8(Port, *bytes++);
            }
        }
    }

    /// <summary>Waits until the last byte has left: one that the host has no room for yet would go with the machine.</summary>
    internal static void Drain()
    {
        while ((Instructions.In8(LineStatus) & TransmitterIdle) == 0)
        {
        }
    }

    internal static int Read(byte* buffer, int count)
    {
        int got = 0;
        while (got < count && (Instructions.In8(LineStatus) & DataReady) != 0)
        {
            buffer[got++] = Instructions.In8(Port);
        }

        return got;
    }

    internal static void Write(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            byte value = (byte)text[i];
            Write(&value, 1);
        }
    }

    internal static void WriteHex(ulong value)
    {
        Write("0x");
        bool started = false;
        for (int shift = 60; shift >= 0; shift -= 4)
        {
            int digit = (int)(value >> shift) & 15;
            if (digit != 0 || started || shift == 0)
            {
                started = true;
                byte character = (byte)(digit < 10 ? '0' + digit : 'a' + digit - 10);
                Write(&character, 1);
            }
        }
    }
}

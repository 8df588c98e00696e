using Semitone.Machine.X64;

X64Machine machine = X64Machine.Enter();
long n = machine.Clock.MonotonicNs;
Span<byte> b = stackalloc byte[24];
n.TryFormat(b, out int c);
machine.Console.Write("hello from the managed kernel "u8);
machine.Console.Write(b[..c]);
machine.PowerOff(0);

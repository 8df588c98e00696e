using Semitone.Machine.X64;

X64Machine machine = X64Machine.Enter();
machine.Console.Write("hello from the managed kernel\n"u8);
machine.PowerOff(0);

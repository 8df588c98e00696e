using Semitone.Guest;
using Semitone.Machine.X64;

X64Machine machine = X64Machine.Enter();
byte status = new TestRun(machine).RunAll() ? (byte)0 : (byte)1;
machine.PowerOff(status);

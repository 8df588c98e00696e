using Semitone.Kernel;
using Semitone.Machine.X64;

X64Machine machine = X64Machine.Enter();
KernelInstance kernel = new(machine);
machine.PowerOff(kernel.Run());

using System.Runtime;
using System.Runtime.CompilerServices;
using Semitone.Metal.Cpu;
using Semitone.Metal.Devices;
using Semitone.Metal.Memory;
using Semitone.Metal.Runtime;
using Semitone.Metal.Threads;
using Semitone.Metal.Time;

namespace Semitone.Metal.Boot;

/// <summary>Brings the machine up and starts the managed kernel in ring 0.</summary>
// SAFETY: runs once, on the boot stack, before anything else can.
internal static unsafe class MetalMain
{
    [RuntimeExport("metal_main")]
    private static void Main(uint protocol, ulong startInformation)
    {
        Frames.PhysicalBase = Layout.ImageBase;
        Serial.Initialize();
        DescriptorTables.Install();
        Features.DetectAndEnable();
        if (protocol == 0)
        {
            BootData.ReadPvh(startInformation);
        }
        else
        {
            BootData.ReadLinux(startInformation);
        }

        KernelImage.Read();
        PageTables.Install(ref BootData.Memory);
        Features.InstallSystemCalls(Symbols.PerCpu());
        LocalApic.Initialize();
        IoApic.Initialize();
        Tsc.Initialize();
        KernelImage.Map();
        Tsc.TakeSecondSample();
        StartThread(RuntimeStart.CreateThread());
    }

    [RuntimeImport("start_thread"), MethodImpl(MethodImplOptions.InternalCall)]
    private static extern void StartThread(KernelThread* thread);
}

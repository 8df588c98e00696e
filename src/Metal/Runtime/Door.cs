using System.Runtime.InteropServices;
using Semitone.Metal.Boot;
using Semitone.Metal.Cpu;
using Semitone.Metal.Devices;
using Semitone.Metal.Memory;
using Semitone.Metal.Threads;
using Semitone.Metal.Time;

namespace Semitone.Metal.Runtime;

/// <summary>All that Metal offers to Machine: numbers, and functions to call on a kernel thread's own stack.</summary>
/// <remarks>Machine.X64 declares the same structure (MetalDoor); the version tells whether they were built together.</remarks>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct DoorTable
{
    internal ulong Version;
    internal ulong DirectMap;
    internal ulong KernelRoot;
    internal ulong CommandLine;
    internal ulong CommandLineLength;
    internal ulong InitialRamDisk;
    internal ulong InitialRamDiskLength;
    internal ulong FrameLimit;
    internal ulong ExtendedStateSize;
    internal ulong ExtendedComponents;
    internal ulong Leaf1Edx;
    internal ulong HasFsGsBase;
    internal ulong TscBoot;
    internal ulong TscGivenHertz;
    internal ulong TscRoughHertz;
    internal ulong HasInvariantTsc;
    internal ulong TimerSamples;
    internal ulong TimerSampleCount;
    internal ulong HypervisorClock;
    internal ulong HypervisorWallClock;
    internal ulong HypervisorTellsStability;
    internal ulong PendingLines;
    internal ulong LineCount;
    internal ulong FirstLineVector;
    internal ulong LocalApicId;

    internal ulong EnterGuest;
    internal ulong CopyUser;
    internal ulong LoadUser32;
    internal ulong CompareExchangeUser32;
    internal ulong WriteCr3;
    internal ulong InvalidatePage;
    internal ulong ReadTsc;
    internal ulong ClearPage;
    internal ulong Idle;
    internal delegate*<ulong> TakeFrame;
    internal delegate*<ulong, void> FreeFrame;
    internal delegate*<long> GetFreeFrames;
    internal delegate*<long> GetTotalFrames;
    internal delegate*<ulong, void> SetAlarm;
    internal delegate*<byte*, long, void> WriteConsole;
    internal delegate*<byte*, int, int> ReadConsole;
    internal delegate*<byte*, long, void> FillRandom;
    internal delegate*<long> ReadClockChip;
    internal delegate*<TimerReading*, void> ReadTimer;
    internal delegate*<ulong, void> SetTscHertz;
    internal delegate*<void> UpdateHypervisorWallClock;
    internal delegate*<void*, void*, void> SwitchExtendedState;
    internal delegate*<void*, void> SaveExtendedState;
    internal delegate*<ushort*, ushort*, void> SwitchSelectors;
    internal delegate*<ulong> LiftSmap;
    internal delegate*<void*, void> ForgetGuest;
    internal delegate*<ulong> ReadGuestGsBase;
    internal delegate*<ulong, void> WriteGuestGsBase;
    internal delegate*<ulong, ulong, ulong> MapRegisters;
    internal delegate*<uint, uint, ulong> RouteInput;
    internal delegate*<uint, uint> ReadConfiguration;
    internal delegate*<uint, uint, void> WriteConfiguration;
    internal delegate*<void> Settle;
    internal delegate*<byte, void> PowerOff;
}

internal static unsafe class Door
{
    private const ulong Version = 5;

    private static DoorTable s_table;

    internal static DoorTable* Open()
    {
        // SAFETY: static data never moves.
        fixed (DoorTable* table = &s_table)
        {
            table->Version = Version;
            table->DirectMap = Layout.DirectMap;
            table->KernelRoot = PageTables.Root;
            table->CommandLine = Layout.DirectMap + BootData.CommandLine;
            table->CommandLineLength = BootData.CommandLineLength;
            table->InitialRamDisk = BootData.InitialRamDisk;
            table->InitialRamDiskLength = BootData.InitialRamDiskLength;
            table->FrameLimit = BootData.PhysicalEnd / Layout.PageSize + 1;
            table->Leaf1Edx = Features.Leaf1Edx;
            table->HasFsGsBase = Features.HasFsGsBase ? 1UL : 0;
            table->ExtendedStateSize = Features.ExtendedStateSize;
            table->ExtendedComponents = Features.EnabledComponents;
            table->HasInvariantTsc = Features.HasInvariantTsc || Features.IsEmulated ? 1UL : 0;
            table->PendingLines = (ulong)Scheduler.PendingLines;
            table->LineCount = DriverAccess.LineCount;
            table->FirstLineVector = DriverAccess.FirstVector;
            table->LocalApicId = LocalApic.Id;
            table->EnterGuest = Features.HasFsGsBase ? Symbols.EnterGuest() : Symbols.EnterGuestByMsr();
            table->CopyUser = Features.HasSmap ? Symbols.CopyUserWithSmap() : Symbols.CopyUser();
            table->LoadUser32 = Features.HasSmap ? Symbols.LoadUser32WithSmap() : Symbols.LoadUser32();
            table->CompareExchangeUser32 = Features.HasSmap ? Symbols.CompareExchangeUser32WithSmap() : Symbols.CompareExchangeUser32();
            table->WriteCr3 = Symbols.WriteCr3();
            table->InvalidatePage = Symbols.InvalidatePage();
            table->ReadTsc = Symbols.ReadTsc();
            table->ClearPage = Symbols.ClearPage();
            table->Idle = Symbols.DoorIdle();
            table->TakeFrame = &Frames.TakeForGuest;
            table->FreeFrame = &Frames.Free;
            table->GetFreeFrames = &GetFreeFrames;
            table->GetTotalFrames = &GetTotalFrames;
            table->SetAlarm = &Scheduler.SetAlarm;
            table->WriteConsole = &WriteConsole;
            table->ReadConsole = &Serial.Read;
            table->FillRandom = &Entropy.Fill;
            table->ReadClockChip = &RealTimeClock.ReadSeconds;
            table->ReadTimer = &Pit.Read;
            table->SetTscHertz = &Tsc.SetHertz;
            table->UpdateHypervisorWallClock = &HypervisorClock.UpdateWallClock;
            table->SwitchExtendedState = &SwitchExtendedState;
            table->SaveExtendedState = &SaveExtendedState;
            table->SwitchSelectors = &SwitchSelectors;
            table->LiftSmap = &LiftSmap;
            table->ForgetGuest = &ForgetGuest;
            table->ReadGuestGsBase = &Features.ReadGuestGsBase;
            table->WriteGuestGsBase = &Features.WriteGuestGsBase;
            table->MapRegisters = &DriverAccess.MapRegisters;
            table->RouteInput = &DriverAccess.RouteInput;
            table->ReadConfiguration = &DriverAccess.ReadConfiguration;
            table->WriteConfiguration = &DriverAccess.WriteConfiguration;
            table->Settle = &Settle;
            table->PowerOff = &Power.Off;
            return table;
        }
    }

    private static long GetFreeFrames() => Frames.FreeCount - Frames.PromisedCount;

    private static long GetTotalFrames() => Frames.TotalCount;

    private static void WriteConsole(byte* bytes, long count) => Serial.Write(bytes, count);

    /// <summary>The runtime has started: what had to wait for that.</summary>
    private static void Settle()
    {
        LocalApic.EndCalibration();

        // SAFETY: static data never moves.
        fixed (DoorTable* table = &s_table)
        {
            table->TscBoot = Tsc.BootTicks;
            table->TscGivenHertz = Tsc.GivenHertz;
            table->TscRoughHertz = Tsc.RoughHertz;
            table->TimerSamples = (ulong)Tsc.Sample(0);
            table->TimerSampleCount = Pit.IsRunning ? (ulong)Tsc.SampleCount : 0;
            table->HypervisorClock = (ulong)HypervisorClock.Page;
            table->HypervisorWallClock = (ulong)HypervisorClock.WallPage;
            table->HypervisorTellsStability = HypervisorClock.TellsStability ? 1UL : 0;
        }

        Serial.EnableReceiveInterrupt();
    }

    /// <summary>Everything but the SSE registers: those are kept by plain moves on every way out of a guest.</summary>
    private static ulong MovedComponents => Features.EnabledComponents & ~2UL;

    private static void SwitchExtendedState(void* from, void* to)
    {
        if (from != null)
        {
            SaveExtendedState(from);
        }

        if (Features.EnabledComponents != 0)
        {
            Instructions.LoadExtended(to, MovedComponents);
        }
        else
        {
            Instructions.LoadLegacy(to);
        }
    }

    /// <summary>
    /// Stores DS, ES, FS and GS, unless <paramref name="from"/> is null, and loads others. One that no program could load on a CPU becomes
    /// null.
    /// </summary>
    private static void SwitchSelectors(ushort* from, ushort* to)
    {
        // SAFETY: four selectors each, as read_selectors writes them.
        ushort* current = stackalloc ushort[4];
        Instructions.ReadSelectors(current);
        if (from != null)
        {
            for (int i = 0; i < 4; i++)
            {
                from[i] = DescriptorTables.IsLoadable(current[i]) ? current[i] : (ushort)0;
            }
        }

        if (*(ulong*)current == *(ulong*)to)
        {
            return;
        }

        Instructions.LoadDs(to[0]);
        Instructions.LoadEs(to[1]);
        if (current[2] != to[2])
        {
            const uint FsBaseMsr = 0xC000_0100;
            Instructions.LoadFs(to[2]);
            Instructions.WriteMsr(FsBaseMsr, Symbols.PerCpu()->KernelFsBase);
        }

        if (current[3] != to[3])
        {
            Instructions.LoadGuestGs(to[3]); // its base comes next
        }
    }

    private static ulong LiftSmap() => Features.LiftSmap() ? 1UL : 0;

    /// <summary>A guest's state is about to be given back: a panic must not show what comes to lie there.</summary>
    private static void ForgetGuest(void* state)
    {
        PerCpu* cpu = Symbols.PerCpu();
        if (cpu->GuestState == state)
        {
            cpu->GuestState = null;
        }
    }

    private static void SaveExtendedState(void* area)
    {
        if (Features.EnabledComponents != 0)
        {
            Instructions.SaveExtended(area, MovedComponents);
        }
        else
        {
            Instructions.SaveLegacy(area);
        }
    }
}

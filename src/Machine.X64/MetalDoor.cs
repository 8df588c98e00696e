using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Semitone.Machine.X64;

/// <summary>Metal's offer: the structure DoorTable of Metal, field by field.</summary>
/// <remarks>
/// The functions run on the caller's stack and return soon, so they are called without a GC transition; only
/// <see cref="Idle"/> may take long, and lets the collector run meanwhile.
/// </remarks>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct MetalDoor
{
    private const ulong ExpectedVersion = 5;

    /// <summary>The auxiliary vector entry that Metal puts the table's address in.</summary>
    private const nuint AuxiliaryEntry = 0x5345_4D49;

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

    internal delegate* unmanaged[SuppressGCTransition]<GuestState*, uint> EnterGuest;
    internal delegate* unmanaged[SuppressGCTransition]<void*, void*, long, long> CopyUser;
    internal delegate* unmanaged[SuppressGCTransition]<void*, long> LoadUser32;
    internal delegate* unmanaged[SuppressGCTransition]<void*, uint, uint, long> CompareExchangeUser32;
    internal delegate* unmanaged[SuppressGCTransition]<ulong, void> WriteCr3;
    internal delegate* unmanaged[SuppressGCTransition]<ulong, void> InvalidatePage;
    internal delegate* unmanaged[SuppressGCTransition]<ulong> ReadTsc;
    internal delegate* unmanaged[SuppressGCTransition]<void*, void> ClearPage;
    internal delegate* unmanaged<void> Idle;
    internal delegate* unmanaged[SuppressGCTransition]<ulong> TakeFrame;
    internal delegate* unmanaged[SuppressGCTransition]<ulong, void> FreeFrame;
    internal delegate* unmanaged[SuppressGCTransition]<long> GetFreeFrames;
    internal delegate* unmanaged[SuppressGCTransition]<long> GetTotalFrames;
    internal delegate* unmanaged[SuppressGCTransition]<ulong, void> SetAlarm;
    internal delegate* unmanaged[SuppressGCTransition]<byte*, long, void> WriteConsole;
    internal delegate* unmanaged[SuppressGCTransition]<byte*, int, int> ReadConsole;
    internal delegate* unmanaged[SuppressGCTransition]<byte*, long, void> FillRandom;
    internal delegate* unmanaged[SuppressGCTransition]<long> ReadClockChip;
    internal delegate* unmanaged[SuppressGCTransition]<TimerReading*, void> ReadTimer;
    internal delegate* unmanaged[SuppressGCTransition]<ulong, void> SetTscHertz;
    internal delegate* unmanaged[SuppressGCTransition]<void> UpdateHypervisorWallClock;
    internal delegate* unmanaged[SuppressGCTransition]<void*, void*, void> SwitchExtendedState;
    internal delegate* unmanaged[SuppressGCTransition]<void*, void> SaveExtendedState;
    internal delegate* unmanaged[SuppressGCTransition]<ushort*, ushort*, void> SwitchSelectors;
    internal delegate* unmanaged[SuppressGCTransition]<ulong> LiftSmap;
    internal delegate* unmanaged[SuppressGCTransition]<void*, void> ForgetGuest;
    internal delegate* unmanaged[SuppressGCTransition]<ulong> ReadGuestGsBase;
    internal delegate* unmanaged[SuppressGCTransition]<ulong, void> WriteGuestGsBase;
    internal delegate* unmanaged[SuppressGCTransition]<ulong, ulong, ulong> MapRegisters;
    internal delegate* unmanaged[SuppressGCTransition]<uint, uint, ulong> RouteInput;
    internal delegate* unmanaged[SuppressGCTransition]<uint, uint> ReadConfiguration;
    internal delegate* unmanaged[SuppressGCTransition]<uint, uint, void> WriteConfiguration;
    internal delegate* unmanaged[SuppressGCTransition]<void> Settle;
    internal delegate* unmanaged[SuppressGCTransition]<byte, void> PowerOff;

    /// <summary>Finds the table that Metal handed over, and lets Metal do what had to wait for the runtime's start.</summary>
    internal static MetalDoor* Enter()
    {
        // SAFETY: only Metal starts this program, and it always passes the entry; the version guards against a mixed build.
        MetalDoor* door = (MetalDoor*)GetAuxiliaryValue(AuxiliaryEntry);
        if (door == null || door->Version != ExpectedVersion)
        {
            Environment.FailFast("not started by the Metal that this kernel was built with");
        }

        door->Settle();
        return door;
    }

    /// <summary>Gets memory that stays: zeros, which take up frames as they are touched, and which have been promised.</summary>
    internal static void* MapZeroes(nuint size)
    {
        const int ReadWrite = 3;
        const int PrivateAnonymous = 0x22;
        void* memory = Map(null, size, ReadWrite, PrivateAnonymous, -1, 0);
        if ((nint)memory == -1)
        {
            Environment.FailFast("not enough memory to boot");
        }

        return memory;
    }

    [SuppressMessage(
        "Interoperability", "SYSLIB1054", Justification = "A blittable call into the C library of the image needs no marshalling.")]
    [DllImport("libc", EntryPoint = "getauxval"), SuppressGCTransition]
    private static extern nuint GetAuxiliaryValue(nuint type);

    [SuppressMessage(
        "Interoperability", "SYSLIB1054", Justification = "A blittable call into the C library of the image needs no marshalling.")]
    [DllImport("libc", EntryPoint = "mmap"), SuppressGCTransition]
    private static extern void* Map(void* address, nuint length, int protection, int flags, int descriptor, nint offset);
}

using Semitone.Metal.Cpu;
using Semitone.Metal.Memory;

namespace Semitone.Metal.Time;

/// <summary>KVM's clock: a page that it keeps the time in (Linux, Documentation/virt/kvm/x86/cpuid.rst and msr.rst).</summary>
/// <remarks>What the page says is Machine's to read; here it is only asked for.</remarks>
// SAFETY: the buffer for CPUID is four words on the stack; the page handed to the hypervisor is a frame that is never given back.
internal static unsafe class HypervisorClock
{
    private const uint FeatureOldClock = 1 << 0;
    private const uint FeatureClock = 1 << 3;
    private const uint FeatureStable = 1 << 24;
    private const uint OldWallClockMsr = 0x11;
    private const uint OldSystemTimeMsr = 0x12;
    private const uint WallClockMsr = 0x4B56_4D00;
    private const uint SystemTimeMsr = 0x4B56_4D01;
    private const ulong Enable = 1;
    private const ulong WallOffset = 64;

    private static ulong s_frame;
    private static uint s_wallMsr;

    /// <summary>Where struct pvclock_vcpu_time_info lies; null without KVM's clock.</summary>
    internal static void* Page { get; private set; }

    /// <summary>Where struct pvclock_wall_clock lies.</summary>
    internal static void* WallPage { get; private set; }

    /// <summary>Whether the hypervisor says in the page's flags that the TSC can be relied on.</summary>
    internal static bool TellsStability { get; private set; }

    internal static void Initialize()
    {
        if (Features.HypervisorMaximum == 0)
        {
            return;
        }

        uint* r = stackalloc uint[4];

        // With Hyper-V's interface switched on as well, that comes first and KVM's follows.
        uint leaf = 0x4000_0000;
        Instructions.Cpuid(leaf, 0, r);
        if (!IsKvm(r))
        {
            leaf = 0x4000_0100;
            Instructions.Cpuid(leaf, 0, r);
            if (!IsKvm(r))
            {
                return;
            }
        }

        Instructions.Cpuid(leaf + 1, 0, r);
        uint features = r[0];
        if ((features & (FeatureClock | FeatureOldClock)) == 0)
        {
            return;
        }

        s_frame = Frames.TakeZeroed();
        if (s_frame == 0)
        {
            return;
        }

        bool isNew = (features & FeatureClock) != 0;
        s_wallMsr = isNew ? WallClockMsr : OldWallClockMsr;
        TellsStability = (features & FeatureStable) != 0;
        Instructions.WriteMsr(isNew ? SystemTimeMsr : OldSystemTimeMsr, s_frame | Enable);
        Page = Frames.ToPointer(s_frame);
        WallPage = (byte*)Page + WallOffset;
    }

    /// <summary>Has the wall-clock structure filled in.</summary>
    internal static void UpdateWallClock()
    {
        if (Page != null)
        {
            Instructions.WriteMsr(s_wallMsr, s_frame + WallOffset);
        }
    }

    private static bool IsKvm(uint* r) => r[1] == 0x4B4D_564B && r[2] == 0x564B_4D56 && r[3] == 0x0000_004D; // "KVMKVMKVM\0\0\0"
}

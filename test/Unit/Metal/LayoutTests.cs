using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Semitone.Abi;
using Semitone.HostLink;
using Semitone.Machine;
using Semitone.Machine.X64;

namespace Semitone.Unit.Metal;

/// <summary>
/// What assembly, Metal and Machine.X64 each write down for themselves, because none of them can see the others' declarations, and must
/// agree on.
/// </summary>
public sealed class LayoutTests
{
    private const string Layout = "Metal/asm/layout.inc";
    private const string PerCpu = "Semitone.Metal.Cpu.PerCpu";
    private const string KernelRegisters = "Semitone.Metal.Threads.KernelRegisters";
    private const string KernelThread = "Semitone.Metal.Threads.KernelThread";

    /// <summary>What asm/layout.inc calls by another name than C#.</summary>
    private static readonly Dictionary<string, string> s_fields = new()
    {
        ["CPU_CONTEXT"] = "GuestState",
        ["CPU_KERNEL_FS"] = "KernelFsBase",
        ["CPU_METAL_STACK"] = "MetalStackTop",
    };

    public static TheoryData<string, string> Offsets =>
    [
        .. from name in MetalSources.ReadConstants(Layout).Keys
           where FindStructure(name) is not null && name != "KR_SIZE"
           select new TheoryDataRow<string, string>(name, s_fields.GetValueOrDefault(name, ToFieldName(name))),
    ];

    [Theory]
    [MemberData(nameof(Offsets))]
    public void AssemblyOffset_IsThatOfTheField(string constant, string field) =>
        Assert.Equal(MetalSources.ReadConstants(Layout)[constant], FindOffset(FindStructure(constant)!, field));

    [Fact]
    public void KernelRegisters_AreAllInTheAssembly()
    {
        Type type = MetalSources.GetStructure(KernelRegisters);
        Assert.Equal(MetalSources.ReadConstants(Layout)["KR_SIZE"], Marshal.SizeOf(type));
        Assert.All(FieldsOf(type), field => Assert.Contains("KR_" + field.ToUpperInvariant(), MetalSources.ReadConstants(Layout).Keys));
    }

    [Fact]
    public void GuestRegisters_AreAllInTheAssembly() =>
        Assert.All(
            FieldsOf(typeof(GuestRegisters)),
            field => Assert.Contains(
                "GS_" + Regex.Replace(field, "(?<=[a-z])(?=[A-Z])", "_").ToUpperInvariant(), MetalSources.ReadConstants(Layout).Keys));

    /// <summary>The vector registers are moved with MOVAPS.</summary>
    [Theory]
    [InlineData("GS_XMM")]
    [InlineData("THREAD_XMM")]
    public void VectorRegisters_AreAligned(string constant) => Assert.Equal(0, MetalSources.ReadConstants(Layout)[constant] % 16);

    [Fact]
    public void GuestState_EndsBeforeTheExtendedState()
    {
        long offset = MetalSources.ReadConstant("Machine.X64/GuestContext.cs", "ExtendedOffset");
        Assert.InRange(Marshal.SizeOf<GuestState>(), 1, offset);
        Assert.Equal(offset, MetalSources.ReadConstant("Machine.X64/X64Machine.cs", "ExtendedOffset"));
        Assert.Equal(0, offset % 64); // XSAVE wants it (Intel SDM Vol. 1, 13.4)
    }

    /// <summary>
    /// The table of numbers and functions that Metal fills and Machine.X64 reads: the same names in the same order, all of them 8 bytes.
    /// </summary>
    [Fact]
    public void Door_IsTheSameOnBothSides()
    {
        IReadOnlyList<(string Name, TypeSyntax Type)> metal = MetalSources.ReadFields("Metal/Runtime/Door.cs", "DoorTable");
        IReadOnlyList<(string Name, TypeSyntax Type)> machine = MetalSources.ReadFields("Machine.X64/MetalDoor.cs", "MetalDoor");
        Assert.Equal(metal.Select(field => field.Name), machine.Select(field => field.Name));
        Assert.All(
            metal.Concat(machine),
            field => Assert.True(field.Type is FunctionPointerTypeSyntax || field.Type.ToString() == "ulong", field.Name));
        Assert.Equal(
            MetalSources.ReadConstant("Metal/Runtime/Door.cs", "Version"),
            MetalSources.ReadConstant("Machine.X64/MetalDoor.cs", "ExpectedVersion"));
    }

    /// <summary>A timer's reading is handed over by its layout.</summary>
    [Fact]
    public void TimerReading_IsTheSameOnBothSides()
    {
        IReadOnlyList<(string Name, TypeSyntax Type)> metal = MetalSources.ReadFields("Metal/Devices/Pit.cs", "TimerReading");
        Assert.Equal(8 * metal.Count, Marshal.SizeOf<TimerReading>());
        for (int i = 0; i < metal.Count; i++)
        {
            Assert.Equal("ulong", metal[i].Type.ToString());
            Assert.Equal(8 * i, (int)Marshal.OffsetOf<TimerReading>($"<{metal[i].Name}>k__BackingField"));
        }
    }

    /// <summary>Where both sides say what a function takes and gives, they say the same; the assembly's own are numbers to Metal.</summary>
    [Fact]
    public void DoorFunctions_HaveTheSameParametersOnBothSides()
    {
        Dictionary<string, TypeSyntax> machine =
            MetalSources.ReadFields("Machine.X64/MetalDoor.cs", "MetalDoor").ToDictionary(field => field.Name, field => field.Type);
        int compared = 0;
        foreach ((string name, TypeSyntax type) in MetalSources.ReadFields("Metal/Runtime/Door.cs", "DoorTable"))
        {
            if (type is FunctionPointerTypeSyntax function)
            {
                Assert.Equal(
                    $"{name}{function.ParameterList}", $"{name}{Assert.IsType<FunctionPointerTypeSyntax>(machine[name]).ParameterList}");
                compared++;
            }
        }

        Assert.InRange(compared, 10, 100);
    }

    [Fact]
    public void TrapKinds_AreTheAssemblys()
    {
        IReadOnlyDictionary<string, long> constants = MetalSources.ReadConstants(Layout);
        Assert.Equal((long)TrapKind.SystemCall, constants["TRAP_SYSTEM_CALL"]);
        Assert.Equal((long)TrapKind.PageFault, constants["TRAP_PAGE_FAULT"]);
        Assert.Equal((long)TrapKind.Exception, constants["TRAP_EXCEPTION"]);
        Assert.Equal((long)TrapKind.Interrupt, constants["TRAP_INTERRUPT"]);
    }

    [Fact]
    public void Selectors_AreWhatSyscallAndSysretMakeOfStar()
    {
        const string Tables = "Metal/Cpu/DescriptorTables.cs";
        IReadOnlyDictionary<string, long> constants = MetalSources.ReadConstants(Layout);
        Assert.Equal(MetalSources.ReadConstant(Tables, "KernelCs"), constants["KERNEL_CS"]);
        Assert.Equal(MetalSources.ReadConstant(Tables, "KernelSs"), constants["KERNEL_SS"]);
        Assert.Equal(constants["KERNEL_CS"] + 8, constants["KERNEL_SS"]);
        Assert.Equal(MetalSources.ReadConstant(Tables, "SysretBase") + 16, constants["USER_CS"]);
        Assert.Equal(MetalSources.ReadConstant(Tables, "SysretBase") + 8, constants["USER_SS"]);
    }

    [Fact]
    public void GuestFlags_GiveNoPrivilege()
    {
        const long InterruptEnable = 1 << 9;
        const long Privileged = (3 << 12) | (1 << 17) | (3 << 19); // IOPL, VM, VIF, VIP
        IReadOnlyDictionary<string, long> constants = MetalSources.ReadConstants(Layout);
        Assert.Equal(0, constants["GUEST_FLAGS"] & Privileged);
        Assert.Equal(0, constants["GUEST_FLAGS"] & InterruptEnable);
        Assert.Equal(InterruptEnable | 2, constants["ALWAYS_FLAGS"]);
    }

    /// <summary>SYSRET is not for a guest that steps or resumes, nor for flags that no guest may have.</summary>
    [Fact]
    public void IretFlags_AreTrapAndResumeAndAllThatIsNotAGuests()
    {
        const long TrapFlag = 1 << 8;
        const long ResumeFlag = 1 << 16;
        IReadOnlyDictionary<string, long> constants = MetalSources.ReadConstants(Layout);
        long allowed = constants["GUEST_FLAGS"] | constants["ALWAYS_FLAGS"];
        Assert.Equal((~allowed & uint.MaxValue) | TrapFlag | ResumeFlag, constants["IRET_FLAGS"]);
    }

    [Fact]
    public void Addresses_AreTheSameEverywhere()
    {
        const string Places = "Metal/Memory/Layout.cs";
        Assert.Equal(MetalSources.ReadConstant(Places, "ImageBase"), MetalSources.ReadConstants(Layout)["KERNEL_BASE"]);
        Assert.Contains(
            $"KERNEL_BASE = 0x{MetalSources.ReadConstant(Places, "ImageBase"):X16};",
            MetalSources.Read("Metal/asm/link.ld"),
            StringComparison.Ordinal);
        Assert.Equal((long)Paging.UserEnd, MetalSources.ReadConstant(Places, "RuntimeStart"));
        Assert.Equal(Paging.PageSize, MetalSources.ReadConstant(Places, "PageSize"));
    }

    [Fact]
    public void Numbers_ThatAreSaidTwice_Agree()
    {
        Assert.Equal(
            MetalSources.ReadConstant("Metal/Runtime/RuntimeStart.cs", "DoorEntry"),
            MetalSources.ReadConstant("Machine.X64/MetalDoor.cs", "AuxiliaryEntry"));
        Assert.Equal(LinkFormat.ExitPanic, MetalSources.ReadConstant("Metal/Panic.cs", "Status"));
        Assert.Equal(LinkFormat.ExitPanic, MetalSources.ReadConstant("Kernel/KernelInstance.cs", "KernelPanic"));
        Assert.Equal(LinkFormat.ExitPort, MetalSources.ReadConstant("Metal/Devices/Power.cs", "DebugExitPort"));
        long idle = MetalSources.ReadConstant("Metal/Runtime/RuntimeSyscalls.cs", "Idle");
        Assert.Matches($@"(?m)^FUNCTION door_idle\n\s+mov eax, 0x{idle:X8}\b", MetalSources.Read("Metal/asm/cpu.S"));
    }

    private static string? FindStructure(string constant) => constant[..(constant.IndexOf('_') + 1)] switch
    {
        "CPU_" => PerCpu,
        "KR_" => KernelRegisters,
        "THREAD_" => KernelThread,
        "GS_" => nameof(GuestState),
        _ => null,
    };

    /// <summary>FS_BASE is FsBase.</summary>
    private static string ToFieldName(string constant) =>
        string.Concat(constant.Split('_').Skip(1).Select(word => word[..1] + word[1..].ToLowerInvariant())) switch
        {
            "HasFsgsbase" => "HasFsGsBase",
            string name => name,
        };

    private static long FindOffset(string structure, string field)
    {
        if (structure != nameof(GuestState))
        {
            return (long)Marshal.OffsetOf(MetalSources.GetStructure(structure), field);
        }

        return typeof(GuestRegisters).GetField(field) is null
            ? (long)Marshal.OffsetOf<GuestState>(field)
            : (long)Marshal.OffsetOf<GuestState>(nameof(GuestState.Registers)) + (long)Marshal.OffsetOf<GuestRegisters>(field);
    }

    private static IEnumerable<string> FieldsOf(Type type) =>
        type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).Select(field => field.Name);
}

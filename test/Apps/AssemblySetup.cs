using System.Runtime.CompilerServices;

namespace Semitone.Apps;

/// <summary>What holds for every run of the command in these tests.</summary>
internal static class AssemblySetup
{
    /// <summary>Standard error is the program's alone, also on a host whose KVM cannot be used.</summary>
    [ModuleInitializer]
    internal static void Silence() => Environment.SetEnvironmentVariable("SEMITONE_QUIET", "1");
}

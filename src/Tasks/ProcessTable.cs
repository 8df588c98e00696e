using System.Diagnostics.CodeAnalysis;
using Semitone.Abi;
using Semitone.Files;
using Semitone.Machine;
using Semitone.Sockets;

namespace Semitone.Tasks;

/// <summary>The processes and the system as /proc shows them.</summary>
public sealed class ProcessTable(SystemState system) : IProcessTable, ISystemInformation
{
    public int CurrentProcessId => system.CurrentThread?.Process.Pid ?? 0;

    public int CurrentThreadId => system.CurrentThread?.Tid ?? 0;

    public ReadOnlySpan<byte> HostName => system.HostName;

    public ReadOnlySpan<byte> DomainName => system.DomainName;

    public void SetHostName(ReadOnlySpan<byte> name) => system.HostName = name.ToArray();

    public void SetDomainName(ReadOnlySpan<byte> name) => system.DomainName = name.ToArray();

    public ReadOnlySpan<byte> Release => SystemIdentity.Release;

    public ReadOnlySpan<byte> Version => SystemIdentity.Version;

    public ReadOnlySpan<CpuCache> CpuCaches => system.Machine.CpuFeatures.Caches;

    public string CpuModel => system.Machine.CpuFeatures.ModelName;

    /// <summary>The names that programs look for, of the bits of CPUID leaf 1 (Intel SDM Vol. 2A, CPUID).</summary>
    public string CpuFlags
    {
        get
        {
            ReadOnlySpan<string> names =
            [
                "fpu", "vme", "de", "pse", "tsc", "msr", "pae", "mce", "cx8", "apic", string.Empty, "sep", "mtrr", "pge", "mca", "cmov",
                "pat", "pse36", "pn", "clflush", string.Empty, "dts", "acpi", "mmx", "fxsr", "sse", "sse2", "ss", "ht", "tm", "ia64", "pbe",
            ];
            uint bits = system.Machine.CpuFeatures.Hwcap;
            string flags = string.Empty;
            for (int i = 0; i < names.Length; i++)
            {
                if ((bits & (1u << i)) != 0 && names[i].Length != 0)
                {
                    flags += names[i] + " ";
                }
            }

            return flags + "syscall nx lm";
        }
    }

    public int ProcessCount => system.ProcessCount;

    public void WriteIpc(string kind, TextBuilder text) => IpcText.Write(system.Ipc, kind, text);

    public Errno WriteNetwork(string name, TextBuilder text) => system.Sockets.WriteInformation(name, text);

    public void WriteNetworkSetting(string name, TextBuilder text) => SocketSystem.WriteSetting(name, text);

    public int GetMessageQueueSetting(string name) => system.MessageQueues.GetSetting(name);

    public Errno SetMessageQueueSetting(string name, int value) => system.MessageQueues.SetSetting(name, value);

    public ulong GetIpcLimit(string name) => IpcText.GetLimit(name);

    public int ThreadLimit => system.ThreadLimit;

    public int RunnableCount => 1;

    public int LastProcessId
    {
        get
        {
            int last = 0;
            for (int id = 1; system.Threads.TryGetNext(id, out id, out _); id++)
            {
                last = id;
            }

            return last;
        }
    }

    public long IdleTimeNs
    {
        get
        {
            long busyNs = 0;
            for (int id = 1; TryGetNext(id, out id); id++)
            {
                if (system.TryGetProcess(id, out Process? process))
                {
                    busyNs += process.CpuTimeNs;
                }
            }

            return Math.Max(0, system.Clock.MonotonicNs - busyNs);
        }
    }

    public bool TryGet(int id, [NotNullWhen(true)] out IProcessInformation? process)
    {
        process = system.Threads.TryGet(id, out GuestThread? thread) ? thread.Process : null;
        return process is not null;
    }

    public bool MayInspect(int id) =>
        system.CurrentThread is not { } caller
        || (system.Threads.TryGet(id, out GuestThread? thread) && caller.MayInspect(thread, byFileUser: true));

    public bool TryGetNext(int from, out int id)
    {
        for (id = Math.Max(from, 1); system.Threads.TryGetNext(id, out id, out GuestThread? thread); id++)
        {
            if (thread.Process.Pid == id)
            {
                return true;
            }
        }

        return false;
    }
}

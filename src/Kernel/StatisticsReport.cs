using System.Text;
using Semitone.Abi;
using Semitone.Syscalls;
using Semitone.Tasks;

namespace Semitone.Kernel;

/// <summary>The figures that <c>stats=1</c> asks for, as one JSON object (docs/measuring.md).</summary>
internal static class StatisticsReport
{
    /// <param name="readyNs">Monotonic time when the program was about to start.</param>
    internal static byte[] Make(SystemState system, SyscallDispatcher dispatcher, long readyNs)
    {
        long nowNs = system.Clock.MonotonicNs;
        StringBuilder json = new("{", 512);
        Add(json, "boot_us", readyNs / 1000);
        Add(json, "run_us", (nowNs - readyNs) / 1000);
        Add(json, "memory_kib", ToKib(system.Frames.TotalCount));
        Add(json, "memory_used_kib", ToKib(system.Frames.UsedCount));
        Add(json, "memory_peak_kib", ToKib(system.Frames.PeakUsedCount));
        Add(json, "gc_heap_kib", GC.GetTotalMemory(forceFullCollection: false) / 1024);
        Add(json, "gc_allocated_kib", GC.GetTotalAllocatedBytes() / 1024);
        Add(json, "gc_collections_gen0", GC.CollectionCount(0));
        Add(json, "gc_collections_gen1", GC.CollectionCount(1));
        Add(json, "gc_collections_gen2", GC.CollectionCount(2));
        Add(json, "gc_pause_us", (long)GC.GetTotalPauseDuration().TotalMicroseconds);
        Add(json, "system_calls", dispatcher.Counts);
        Add(json, "missing_system_calls", dispatcher.Missing);
        json.Length--;
        return Encoding.UTF8.GetBytes(json.Append('}').ToString());
    }

    private static void Add(StringBuilder json, string name, SyscallCounts? counts)
    {
        json.Append('"').Append(name).Append("\":");
        (counts ?? new SyscallCounts()).WriteJson(json);
        json.Append(',');
    }

    private static long ToKib(long pages) => pages * (Paging.PageSize / 1024);

    private static void Add(StringBuilder json, string name, long value) =>
        json.Append('"').Append(name).Append("\":").Append(value).Append(',');
}

using Semitone.Metal.Boot;
using Semitone.Metal.Cpu;
using Semitone.Metal.Memory;
using Semitone.Metal.Threads;

namespace Semitone.Metal.Runtime;

/// <summary>
/// Builds the stack on which the runtime's C library starts: arguments, environment, auxiliary vector (System V ABI, 3.4.1).
/// </summary>
// SAFETY: writes below the end of a stack that was just mapped and is far larger than what is put there.
internal static unsafe class RuntimeStart
{
    private const ulong StackSize = 1024 * 1024;

    /// <summary>The auxiliary vector entry that holds the door; Machine.X64 looks for it.</summary>
    private const ulong DoorEntry = 0x5345_4D49;

    /// <summary>Where this stack lies; libc/start.c looks for these.</summary>
    private const ulong StackStartEntry = 0x5345_4D4A;
    private const ulong StackEndEntry = 0x5345_4D4B;

    private const ulong ProgramHeadersEntry = 3;
    private const ulong ProgramHeaderCountEntry = 5;
    private const ulong RandomEntry = 25;

    internal static KernelThread* CreateThread()
    {
        // The page below stays unmapped: running off the end is a fault, not a corruption.
        RuntimeMemory.Map(0, Layout.PageSize, 0, false, true);
        ulong stack = RuntimeMemory.Map(0, StackSize, RuntimeMemory.Read | RuntimeMemory.Write, false, true);
        byte* top = (byte*)(stack + StackSize);
        top -= 16;
        Entropy.Fill(top, 16);
        byte* random = top;
        byte* name = Push(ref top, "semitone");
        byte* heapLimit = PushHeapLimit(ref top);

        // Hexadecimal, all of them. Small regions and a small first generation: the kernel's heap is small.
        byte* generation0 = Push(ref top, "DOTNET_GCgen0size=40000");
        byte* regionSize = Push(ref top, "DOTNET_GCRegionSize=20000");

        ulong* words = (ulong*)((ulong)top & ~15UL) - 32;
        int i = 0;
        words[i++] = 1; // argc
        words[i++] = (ulong)name;
        words[i++] = 0;
        words[i++] = (ulong)heapLimit;
        words[i++] = (ulong)generation0;
        words[i++] = (ulong)regionSize;
        words[i++] = 0;
        words[i++] = ProgramHeadersEntry;
        words[i++] = KernelImage.ProgramHeaders;
        words[i++] = ProgramHeaderCountEntry;
        words[i++] = KernelImage.ProgramHeaderCount;
        words[i++] = RandomEntry;
        words[i++] = (ulong)random;
        words[i++] = StackStartEntry;
        words[i++] = stack;
        words[i++] = StackEndEntry;
        words[i++] = stack + StackSize;
        words[i++] = DoorEntry;
        words[i++] = (ulong)Door.Open();
        words[i++] = 0;
        words[i++] = 0;

        KernelThread* thread = Scheduler.CreateFirst();
        thread->Registers.Rip = KernelImage.EntryPoint;
        thread->Registers.Rsp = (ulong)words;
        thread->Registers.Rflags = 2;
        return thread;
    }

    /// <summary>
    /// The collector reserves 256 GiB unless it is told what there is: a quarter of what the initrd leaves, between 2 and 256 MiB.
    /// </summary>
    private static byte* PushHeapLimit(ref byte* top)
    {
        ulong limit = (ulong)Frames.FreeCount * Layout.PageSize / 4;
        limit = limit < 0x20_0000 ? 0x20_0000 : limit > 0x1000_0000 ? 0x1000_0000 : limit & ~0xFFFUL;
        byte* digits = stackalloc byte[16];
        int count = 0;
        for (; limit != 0; limit >>= 4)
        {
            int digit = (int)(limit & 15);
            digits[count++] = (byte)(digit < 10 ? '0' + digit : 'a' + digit - 10);
        }

        *--top = 0;
        for (int i = 0; i < count; i++)
        {
            *--top = digits[i];
        }

        return PushText(ref top, "DOTNET_GCHeapHardLimit=");
    }

    private static byte* Push(ref byte* top, string text)
    {
        *--top = 0;
        return PushText(ref top, text);
    }

    private static byte* PushText(ref byte* top, string text)
    {
        for (int i = text.Length - 1; i >= 0; i--)
        {
            *--top = (byte)text[i];
        }

        return top;
    }
}

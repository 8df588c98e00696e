namespace Semitone.Machine.X64;

/// <summary>One of the lines that Metal notes in a word.</summary>
// SAFETY: the word is Metal's static data. No interrupt is taken while the kernel runs, so it changes between no two instructions here.
internal sealed unsafe class InterruptLine(ulong* pending, ulong bit) : IInterruptLine
{
    public bool TryTake()
    {
        ulong lines = Volatile.Read(ref *pending);
        Volatile.Write(ref *pending, lines & ~bit);
        return (lines & bit) != 0;
    }
}

namespace System
{
    /// <summary>What compiled code calls to copy and clear values too large for a few moves.</summary>
    internal static unsafe class SpanHelpers
    {
        internal static void Memmove(ref byte destination, ref byte source, nuint length)
        {
            // SAFETY: the compiler passes two values of this length; Metal has no moving collector.
            fixed (byte* to = &destination)
            fixed (byte* from = &source)
            {
                if (to <= from)
                {
                    for (nuint i = 0; i < length; i++)
                    {
                        to[i] = from[i];
                    }
                }
                else
                {
                    for (nuint i = length; i > 0; i--)
                    {
                        to[i - 1] = from[i - 1];
                    }
                }
            }
        }

        internal static void ClearWithoutReferences(ref byte destination, nuint length) => Fill(ref destination, 0, length);

        internal static void Fill(ref byte destination, byte value, nuint length)
        {
            // SAFETY: as above.
            fixed (byte* to = &destination)
            {
                for (nuint i = 0; i < length; i++)
                {
                    to[i] = value;
                }
            }
        }
    }
}

using Semitone.Memory;

namespace Semitone.Loader;

/// <summary>The strings that exec puts at the top of the stack: arguments, environment, path.</summary>
/// <remarks>Sizes are checked before anything is built: <see cref="TryMeasure"/> is where E2BIG comes from.</remarks>
internal readonly struct ArgumentBlock
{
    /// <summary>
    /// Argument space is a quarter of the stack, within these bounds (execve(2), "Limits on size of arguments and environment").
    /// </summary>
    private const ulong SmallestLimit = 128 << 10;
    private const ulong LargestLimit = 6 << 20;

    private ArgumentBlock(byte[][] arguments, IReadOnlyList<byte[]> environment, byte[] path, int size)
    {
        Arguments = arguments;
        Environment = environment;
        Path = path;
        Size = size;
    }

    public byte[][] Arguments { get; }

    public IReadOnlyList<byte[]> Environment { get; }

    /// <summary>The path given to execve(2).</summary>
    public byte[] Path { get; }

    /// <summary>Bytes of all strings with their NULs.</summary>
    public int Size { get; }

    /// <summary>Adds the sizes up.</summary>
    /// <returns>False, which is E2BIG, when one string or all together are too long.</returns>
    public static bool TryMeasure(
        byte[][] arguments, IReadOnlyList<byte[]> environment, byte[] path, ulong stackLimit, out ArgumentBlock block)
    {
        block = default;
        ulong limit = Math.Clamp(stackLimit / 4, SmallestLimit, LargestLimit);
        ulong pointers = ((ulong)arguments.Length + (ulong)environment.Count) * sizeof(ulong);
        ulong size = (ulong)path.Length + 1;
        foreach (byte[] argument in arguments)
        {
            if (!TryAdd(argument, ref size))
            {
                return false;
            }
        }

        for (int index = 0; index < environment.Count; index++)
        {
            if (!TryAdd(environment[index], ref size))
            {
                return false;
            }
        }

        // Every string takes a byte at least, so the sum is within an array's length when it is within the limit.
        if (size + pointers > limit)
        {
            return false;
        }

        block = new ArgumentBlock(arguments, environment, path, (int)size);
        return true;
    }

    private static bool TryAdd(byte[] text, ref ulong size)
    {
        size += (ulong)text.Length + 1;
        return text.Length < UserMemory.MaxArgumentLength;
    }
}

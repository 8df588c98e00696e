using Semitone.Abi;
using Semitone.Core;
using Semitone.Memory;

namespace Semitone.Syscalls;

/// <summary>getrandom(2).</summary>
public static class RandomSyscalls
{
    private const int ChunkSize = 256;

    [Syscall(318, "getrandom", Returns = Returns.Value)]
    public static SysResult GetRandom(SyscallContext context, [Out] UserPtr<byte> buffer, nuint count, GetrandomFlags flags)
    {
        const GetrandomFlags Known = GetrandomFlags.GRND_NONBLOCK | GetrandomFlags.GRND_RANDOM | GetrandomFlags.GRND_INSECURE;
        const GetrandomFlags Contradiction = GetrandomFlags.GRND_RANDOM | GetrandomFlags.GRND_INSECURE;
        if ((flags & ~Known) != 0 || (flags & Contradiction) == Contradiction)
        {
            return Errno.EINVAL;
        }
        RandomGenerator random = context.FileSystem.Mounts.Services.Random;
        IoCursor cursor = IoCursor.OverUser(context.Memory, buffer, count);
        Span<byte> chunk = stackalloc byte[ChunkSize];
        while (cursor.Remaining != 0)
        {
            Span<byte> part = chunk[..(int)Math.Min(ChunkSize, cursor.Remaining)];
            random.Fill(part);
            if (cursor.Write(part) != part.Length)
            {
                break;
            }
        }
        chunk.Clear();
        return cursor.ToResult().ToSysResult();
    }
}

using Semitone.Abi;
using Semitone.Core;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>The devices without a device: null, zero, full, random and urandom (mem(4), random(4)).</summary>
public static class MemoryDevices
{
    public static readonly DeviceNumber Null = new(1, 3);
    public static readonly DeviceNumber Zero = new(1, 5);
    public static readonly DeviceNumber Full = new(1, 7);
    public static readonly DeviceNumber Random = new(1, 8);
    public static readonly DeviceNumber URandom = new(1, 9);

    public static void Register(FileServices services)
    {
        DeviceTable devices = services.Devices;
        devices.Register(Null, new Device(Kind.Null, services));
        devices.Register(Zero, new Device(Kind.Zero, services));
        devices.Register(Full, new Device(Kind.Full, services));
        Device random = new(Kind.Random, services);
        devices.Register(Random, random);
        devices.Register(URandom, random);
    }

    private enum Kind : byte
    {
        Null,
        Zero,
        Full,
        Random,
    }

    private sealed class Device(Kind kind, FileServices services) : CharacterDevice
    {
        public override Errno Open(Inode node, OpenFlags flags, out OpenFile? file)
        {
            file = kind switch
            {
                Kind.Null => new OpenNull(node, flags),
                Kind.Random => new OpenRandom(node, flags, services.Random),
                _ => new OpenZero(node, flags, kind == Kind.Full),
            };
            return Errno.None;
        }
    }

    /// <summary>A device without a place: lseek(2) succeeds and pread(2) is read(2).</summary>
    private abstract class OpenDevice(Inode inode, OpenFlags flags) : OpenFile(inode, flags)
    {
        public override bool IsSeekable => true;

        public override bool IsPollable => false;

        public override IoResult ReadAt(ref IoCursor destination, long offset) => Read(ref destination);

        public override IoResult WriteAt(ref IoCursor source, long offset) => Write(ref source);

        public override Errno Seek(long offset, SeekWhence origin, out long position)
        {
            position = 0;
            return Errno.None;
        }
    }

    private sealed class OpenNull(Inode inode, OpenFlags flags) : OpenDevice(inode, flags)
    {
        public override IoResult Read(ref IoCursor destination) => 0;

        public override IoResult Write(ref IoCursor source) => source.Remaining;
    }

    private sealed class OpenZero(Inode inode, OpenFlags flags, bool isFull) : OpenDevice(inode, flags)
    {
        public override bool MapsAnonymousMemory => !isFull;

        public override IoResult Read(ref IoCursor destination)
        {
            destination.Zero(destination.Remaining);
            return destination.ToResult();
        }

        public override IoResult Write(ref IoCursor source) => isFull && source.Remaining != 0 ? Errno.ENOSPC : source.Remaining;
    }

    private sealed class OpenRandom(Inode inode, OpenFlags flags, RandomGenerator random) : OpenDevice(inode, flags)
    {
        private const int ChunkSize = 256;

        /// <summary>Of the two devices, /dev/random is the one that could have to be waited for.</summary>
        public override bool IsPollable => Inode.TargetDevice == Random;

        /// <remarks>It would tell when there is randomness again, which never lacks.</remarks>
        protected override bool TryGetSignalQueues(out WaitQueue? input, out WaitQueue? output)
        {
            input = null;
            output = null;
            return true;
        }

        public override IoResult Read(ref IoCursor destination)
        {
            Span<byte> chunk = stackalloc byte[ChunkSize];
            while (destination.Remaining != 0)
            {
                Span<byte> part = chunk[..(int)Math.Min(ChunkSize, destination.Remaining)];
                random.Fill(part);
                if (destination.Write(part) != part.Length)
                {
                    break;
                }
            }
            chunk.Clear();
            return destination.ToResult();
        }

        /// <summary>What is written is stirred in but not trusted to be random (random(4)).</summary>
        public override IoResult Write(ref IoCursor source)
        {
            Span<byte> chunk = stackalloc byte[ChunkSize];
            int count;
            while ((count = source.Read(chunk)) != 0)
            {
                random.Mix(chunk[..count]);
            }
            return source.ToResult();
        }
    }
}

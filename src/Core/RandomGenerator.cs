using System.Buffers.Binary;
using System.Numerics;
using Semitone.Machine;

namespace Semitone.Core;

/// <summary>The kernel's random numbers: ChaCha20 (RFC 8439) over a key from the machine's entropy.</summary>
/// <remarks>
/// Every refill replaces the key by the first bytes of its output, and bytes are wiped as they are handed out, so that whoever
/// reads the state learns nothing about numbers given before ("fast key erasure").
/// Seeded on first use; the entropy source is asked again from time to time. What a <see cref="Source"/> has is added when it comes: nobody
/// waits for it.
/// </remarks>
public sealed class RandomGenerator(IMachine machine)
{
    private const int KeySize = 32;
    private const int BlockSize = 64;
    private const int BufferSize = 4 * BlockSize;
    private const int RefillsPerSeed = 1 << 16;
    private const int SourceSize = 64;

    private readonly byte[] _buffer = new byte[BufferSize];
    private readonly uint[] _state = new uint[16];
    private int _available;
    private int _refillsLeft;

    /// <summary>A device that adds to what the machine has; null for none.</summary>
    public IEntropySource? Source { get; set; }

    /// <summary>Fills a buffer with random bytes.</summary>
    public void Fill(Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            if (_available == 0)
            {
                Refill();
            }
            int count = Math.Min(_available, destination.Length);
            Span<byte> source = _buffer.AsSpan(BufferSize - _available, count);
            source.CopyTo(destination);
            source.Clear();
            _available -= count;
            destination = destination[count..];
        }
    }

    public ulong NextUInt64()
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        Fill(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    /// <summary>Stirs bytes into the key, as a write to /dev/urandom does. They add to the key and cannot weaken it.</summary>
    public void Mix(ReadOnlySpan<byte> bytes)
    {
        if (_refillsLeft == 0)
        {
            Refill();
        }
        for (int i = 0; i < bytes.Length; i++)
        {
            int word = 4 + ((i >> 2) & 7);
            _state[word] ^= (uint)bytes[i] << ((i & 3) * 8);
            if ((i + 1) % KeySize == 0)
            {
                Refill();
            }
        }
        Refill();
    }

    /// <summary>Computes one block of key stream (RFC 8439, 2.3).</summary>
    /// <param name="state">Constants, key, counter and nonce: 16 words.</param>
    public static void ComputeBlock(ReadOnlySpan<uint> state, Span<byte> output)
    {
        uint x0 = state[0], x1 = state[1], x2 = state[2], x3 = state[3], x4 = state[4], x5 = state[5], x6 = state[6], x7 = state[7];
        uint x8 = state[8], x9 =
            state[9], x10 = state[10], x11 = state[11], x12 = state[12], x13 = state[13], x14 = state[14], x15 = state[15];
        for (int i = 0; i < 10; i++)
        {
            QuarterRound(ref x0, ref x4, ref x8, ref x12);
            QuarterRound(ref x1, ref x5, ref x9, ref x13);
            QuarterRound(ref x2, ref x6, ref x10, ref x14);
            QuarterRound(ref x3, ref x7, ref x11, ref x15);
            QuarterRound(ref x0, ref x5, ref x10, ref x15);
            QuarterRound(ref x1, ref x6, ref x11, ref x12);
            QuarterRound(ref x2, ref x7, ref x8, ref x13);
            QuarterRound(ref x3, ref x4, ref x9, ref x14);
        }
        ReadOnlySpan<uint> words = [x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15];
        for (int i = 0; i < words.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(output[(i * sizeof(uint))..], unchecked(words[i] + state[i]));
        }
    }

    private static void QuarterRound(ref uint a, ref uint b, ref uint c, ref uint d)
    {
        unchecked
        {
            a += b;
            d = BitOperations.RotateLeft(d ^ a, 16);
            c += d;
            b = BitOperations.RotateLeft(b ^ c, 12);
            a += b;
            d = BitOperations.RotateLeft(d ^ a, 8);
            c += d;
            b = BitOperations.RotateLeft(b ^ c, 7);
        }
    }

    private void Refill()
    {
        if (_refillsLeft == 0)
        {
            Seed();
            _refillsLeft = RefillsPerSeed;
        }
        _refillsLeft--;
        if (Source is not null)
        {
            AddFromSource(Source);
        }

        for (int offset = 0; offset < BufferSize; offset += BlockSize)
        {
            ComputeBlock(_state, _buffer.AsSpan(offset, BlockSize));
            _state[12]++;
        }
        for (int i = 0; i < KeySize / sizeof(uint); i++)
        {
            _state[4 + i] = BinaryPrimitives.ReadUInt32LittleEndian(_buffer.AsSpan(i * sizeof(uint)));
        }
        _buffer.AsSpan(0, KeySize).Clear();
        _available = BufferSize - KeySize;
    }

    /// <summary>Adds what has come to the key, and nothing where nothing has.</summary>
    private void AddFromSource(IEntropySource source)
    {
        Span<byte> bytes = stackalloc byte[SourceSize];
        int count = source.Take(bytes);
        for (int start = 0; start < count; start += KeySize)
        {
            int end = Math.Min(start + KeySize, count);
            for (int i = start; i < end; i++)
            {
                _state[4 + ((i >> 2) & 7)] ^= (uint)bytes[i] << ((i & 3) * 8);
            }

            // A further piece goes into a key that depends on all of the last one.
            if (end < count)
            {
                ReplaceKey();
            }
        }

        bytes.Clear();
    }

    /// <summary>Makes the key the first half of a block of its own stream.</summary>
    private void ReplaceKey()
    {
        Span<byte> block = stackalloc byte[BlockSize];
        ComputeBlock(_state, block);
        _state[12]++;
        for (int i = 0; i < KeySize / sizeof(uint); i++)
        {
            _state[4 + i] = BinaryPrimitives.ReadUInt32LittleEndian(block[(i * sizeof(uint))..]);
        }

        block.Clear();
    }

    private void Seed()
    {
        Source?.Request();

        // "expand 32-byte k", the constants of RFC 8439, 2.3.
        _state[0] = 0x61707865;
        _state[1] = 0x3320646E;
        _state[2] = 0x79622D32;
        _state[3] = 0x6B206574;
        Span<byte> seed = stackalloc byte[KeySize];
        machine.GetEntropy(seed);
        for (int i = 0; i < KeySize / sizeof(uint); i++)
        {
            // A new seed is added to what there is, lest a poor source undo a good one.
            _state[4 + i] ^= BinaryPrimitives.ReadUInt32LittleEndian(seed[(i * sizeof(uint))..]);
        }
        seed.Clear();
    }
}

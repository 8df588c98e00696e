using System.Numerics;

namespace Semitone.Net;

/// <summary>SipHash-2-4 (Aumasson and Bernstein, 2012) over what names a connection: nobody without the key can foresee it.</summary>
public sealed class KeyedHash(INetworkRandom random)
{
    private readonly ulong _key0 = random.NextUInt64();
    private readonly ulong _key1 = random.NextUInt64();

    /// <summary>Hashes the two ends of a connection and one number more.</summary>
    public ulong Compute(in ConnectionKey key, ulong extra = 0)
    {
        State state = new(_key0, _key1);
        state.Add(key.Local.Address.High);
        state.Add(key.Local.Address.Low);
        state.Add(key.Remote.Address.High);
        state.Add(key.Remote.Address.Low);
        state.Add(((ulong)key.Local.Port << 16) | key.Remote.Port);
        state.Add(extra);
        return state.Finish(6 * sizeof(ulong));
    }

    /// <summary>Hashes the addresses only: what two hosts share over all their connections.</summary>
    public ulong ComputePair(in ConnectionKey key)
    {
        State state = new(_key0, _key1);
        state.Add(key.Local.Address.High);
        state.Add(key.Local.Address.Low);
        state.Add(key.Remote.Address.High);
        state.Add(key.Remote.Address.Low);
        return state.Finish(4 * sizeof(ulong));
    }

    private struct State(ulong key0, ulong key1)
    {
        private ulong _v0 = key0 ^ 0x736F_6D65_7073_6575;
        private ulong _v1 = key1 ^ 0x646F_7261_6E64_6F6D;
        private ulong _v2 = key0 ^ 0x6C79_6765_6E65_7261;
        private ulong _v3 = key1 ^ 0x7465_6462_7974_6573;

        public void Add(ulong word)
        {
            _v3 ^= word;
            Round();
            Round();
            _v0 ^= word;
        }

        public ulong Finish(int length)
        {
            Add((ulong)length << 56);
            _v2 ^= 0xFF;
            Round();
            Round();
            Round();
            Round();
            return _v0 ^ _v1 ^ _v2 ^ _v3;
        }

        private void Round()
        {
            _v0 += _v1;
            _v2 += _v3;
            _v1 = BitOperations.RotateLeft(_v1, 13) ^ _v0;
            _v3 = BitOperations.RotateLeft(_v3, 16) ^ _v2;
            _v0 = BitOperations.RotateLeft(_v0, 32);
            _v2 += _v1;
            _v0 += _v3;
            _v1 = BitOperations.RotateLeft(_v1, 17) ^ _v2;
            _v3 = BitOperations.RotateLeft(_v3, 21) ^ _v0;
            _v2 = BitOperations.RotateLeft(_v2, 32);
        }
    }
}

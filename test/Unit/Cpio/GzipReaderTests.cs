using System.IO.Compression;
using CsCheck;
using Semitone.Cpio;

namespace Semitone.Unit.Cpio;

public sealed class GzipReaderTests
{
    [Theory]
    [InlineData(CompressionLevel.NoCompression)]
    [InlineData(CompressionLevel.Fastest)]
    [InlineData(CompressionLevel.Optimal)]
    [InlineData(CompressionLevel.SmallestSize)]
    public void TryRead_WhatTheLibraryCompressed_GivesItBack(CompressionLevel level) =>
        Gen.Select(Gen.Int[0, 200_000], Gen.Int[1, 256], Gen.Int).Sample(
            (length, alphabet, seed) =>
            {
                byte[] data = MakeData(length, alphabet, seed);
                Assert.Equal(data, Unpack(Pack(data, level), out CpioError error, out _));
                Assert.Equal(CpioError.None, error);
            },
            iter: 60,
            threads: 1);

    [Fact]
    public void TryRead_CutOffAnywhere_EndsInAnError()
    {
        byte[] packed = Pack(MakeData(3000, 40, 7), CompressionLevel.Optimal);
        for (int length = 0; length < packed.Length; length++)
        {
            Unpack(packed[..length], out CpioError error, out _);
            Assert.Equal(CpioError.BadCompression, error);
        }
    }

    [Fact]
    public void TryRead_AnyBytesChanged_NeitherThrowsNorLies()
    {
        byte[] data = MakeData(3000, 40, 7);
        byte[] packed = Pack(data, CompressionLevel.Optimal);
        Gen.Select(Gen.Int[10, packed.Length - 1], Gen.Byte[1, 255]).Array[1, 4].Sample(
            changes =>
            {
                byte[] changed = (byte[])packed.Clone();
                foreach ((int position, byte value) in changes)
                {
                    changed[position] ^= value;
                }
                byte[] unpacked = Unpack(changed, out CpioError error, out _);
                Assert.True(error != CpioError.None || unpacked.SequenceEqual(data));
            },
            iter: 5000);
    }

    [Fact]
    public void Offset_AfterTheMember_IsWhatFollows()
    {
        byte[] packed = Pack(MakeData(10_000, 60, 3), CompressionLevel.Optimal);

        Unpack([.. packed, 1, 2, 3, 4, 5, 6, 7, 8, 9], out CpioError error, out long offset);

        Assert.Equal(CpioError.None, error);
        Assert.Equal(packed.Length, offset);
    }

    private static byte[] MakeData(int length, int alphabet, int seed)
    {
        Random random = new(seed);
        byte[] data = new byte[length];
        for (int i = 0; i < length; i++)
        {
            // Runs and repetitions, so that matches of all kinds come up.
            int kind = random.Next(100);
            data[i] = kind < 40 && i > 0 ? data[i - 1] : kind < 60 && i > 300 ? data[i - random.Next(1, 300)] : (byte)random.Next(alphabet);
        }
        return data;
    }

    private static byte[] Pack(byte[] data, CompressionLevel level)
    {
        MemoryStream stream = new();
        using (GZipStream gzip = new(stream, level, leaveOpen: true))
        {
            gzip.Write(data);
        }
        if (stream.Length == 0)
        {
            // The library writes nothing at all for no data.
            stream.Write([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        }
        return stream.ToArray();
    }

    private static byte[] Unpack(byte[] packed, out CpioError error, out long offset)
    {
        GzipReader reader = new(new CpioArray(packed), 0);
        List<byte> data = [];
        while (reader.TryRead(out ReadOnlySpan<byte> piece) && !piece.IsEmpty)
        {
            data.AddRange(piece);
        }
        error = reader.Error;
        offset = reader.Offset;
        return [.. data];
    }
}

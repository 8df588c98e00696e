using System.Text;
using Semitone.Cli.Archives;
using Semitone.Cli.Packing;
using Semitone.Cpio;

namespace Semitone.Unit.Cli.Archives;

/// <summary>What becomes of a user's archive, as lines that one can compare.</summary>
internal static class PackedArchive
{
    /// <summary>Packs an archive anew and lists the result: type, permissions, owner, name, contents or target.</summary>
    public static List<string> List(Stream archive)
    {
        using MemoryStream output = new();
        RootFileSystemWriter writer = new(output);
        RootArchive.Unpack(archive, "root.tar", writer);
        writer.Finish();
        return List(output.ToArray());
    }

    /// <summary>
    /// Lists an archive of ours; of several entries with one name the last. Names of one file are listed with the first of them.
    /// </summary>
    public static List<string> List(byte[] bytes)
    {
        CpioArray archive = new(bytes);
        CpioReader reader = new(archive);
        Dictionary<string, string> lines = new(StringComparer.Ordinal);
        Dictionary<uint, string> linked = [];
        while (reader.Read(out CpioEntry entry, out ReadOnlySpan<byte> rawName) == CpioReadResult.Entry)
        {
            string name = Encoding.Latin1.GetString(rawName);
            byte[] data = new byte[entry.DataLength];
            CpioReader.Copy(archive, entry.DataOffset, data);
            string text = data.Length > 200
                ? $"{data.Length} bytes, {Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(data))[..8]}"
                : Encoding.Latin1.GetString(data);
            string head = $"{Convert.ToString(entry.Mode & 0xFFF, 8)} {entry.Uid}:{entry.Gid} {name}";
            bool isFile = (entry.Mode & 0xF000) == 0x8000;
            string? first = null;
            if (isFile && entry.Links > 1 && !linked.TryAdd(entry.Inode, name))
            {
                first = linked[entry.Inode];
            }

            lines[name] = (entry.Mode & 0xF000) switch
            {
                0x4000 => $"d {head}",
                0xA000 => $"l {entry.Uid}:{entry.Gid} {name} -> {text}",
                0x1000 => $"p {head}",
                0x2000 => $"c {head} {entry.TargetMajor},{entry.TargetMinor}",
                0x6000 => $"b {head} {entry.TargetMajor},{entry.TargetMinor}",
                _ when first is not null => $"h {name} = {first}",
                _ => $"f {head} {entry.ModifiedTime}: {text}",
            };
        }

        Assert.Equal(CpioError.None, reader.Error);
        return [.. lines.Values.Order(StringComparer.Ordinal)];
    }
}

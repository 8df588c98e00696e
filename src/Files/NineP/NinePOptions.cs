using System.Buffers.Text;
using System.Text;
using Semitone.Abi;

namespace Semitone.Files;

/// <summary>
/// The mount options of a 9p file system, with Linux's names (Documentation/filesystems/9p.rst), and cache=check besides.
/// </summary>
public sealed class NinePOptions
{
    /// <summary>512 KiB of data and the head of a Twrite.</summary>
    public const int DefaultMessageSize = (512 * 1024) + 24;

    private const int LeastMessageSize = 4096;

    public CacheMode Cache { get; private set; } = CacheMode.Check;

    /// <summary>The longest message to ask for, in bytes.</summary>
    public int MessageSize { get; private set; } = DefaultMessageSize;

    /// <summary>Who attaches (uname=).</summary>
    public byte[] UserName { get; private set; } = "root"u8.ToArray();

    /// <summary>The tree to attach to (aname=).</summary>
    public byte[] Tree { get; private set; } = [];

    /// <summary>The user that attaches, by number (dfltuid=, or access= with a number).</summary>
    public uint UserId { get; private set; }

    /// <summary>Reads options as mount(2) takes them.</summary>
    /// <param name="text">Options with commas between them; empty for none.</param>
    /// <param name="bad">The option that is not one, or means nothing here.</param>
    /// <returns>Null when there is one.</returns>
    public static NinePOptions? Parse(ReadOnlySpan<byte> text, out string bad)
    {
        NinePOptions options = new();
        bad = string.Empty;
        while (!text.IsEmpty)
        {
            int end = text.IndexOf((byte)',');
            ReadOnlySpan<byte> option = end < 0 ? text : text[..end];
            text = end < 0 ? default : text[(end + 1)..];
            int equals = option.IndexOf((byte)'=');
            ReadOnlySpan<byte> name = equals < 0 ? option : option[..equals];
            ReadOnlySpan<byte> value = equals < 0 ? default : option[(equals + 1)..];
            if (!option.IsEmpty && !options.TrySet(name, value, equals >= 0))
            {
                bad = Encoding.UTF8.GetString(option);
                return null;
            }
        }

        return options;
    }

    private bool TrySet(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, bool hasValue)
    {
        if (!hasValue)
        {
            // Device nodes are the guest's own in any case, and 9P2000.L has no other extension.
            return name.SequenceEqual("nodevmap"u8) || name.SequenceEqual("noextend"u8);
        }

        if (name.SequenceEqual("cache"u8))
        {
            return TrySetCache(value);
        }

        if (name.SequenceEqual("msize"u8))
        {
            bool isNumber = TryParse(value, out uint size);
            MessageSize = (int)Math.Min(size, 1 << 30);
            return isNumber && size >= LeastMessageSize;
        }

        if (name.SequenceEqual("version"u8))
        {
            return value.SequenceEqual("9p2000.L"u8);
        }

        if (name.SequenceEqual("access"u8))
        {
            // The guest checks permissions itself, as with access=client; a fid for each user (access=user) is not to be had.
            bool isNumber = TryParse(value, out uint userId);
            UserId = isNumber ? userId : UserId;
            return isNumber || value.SequenceEqual("client"u8) || value.SequenceEqual("any"u8);
        }

        if (name.SequenceEqual("dfltuid"u8))
        {
            bool isNumber = TryParse(value, out uint userId);
            UserId = userId;
            return isNumber;
        }

        if (name.SequenceEqual("uname"u8))
        {
            UserName = value.ToArray();
            return value.Length is > 0 and < FileLimits.NAME_MAX;
        }

        if (name.SequenceEqual("aname"u8))
        {
            Tree = value.ToArray();
            return value.Length < FileLimits.PATH_MAX;
        }

        // The transport is whoever mounts' business.
        return name.SequenceEqual("trans"u8) && value.SequenceEqual("virtio"u8);
    }

    private bool TrySetCache(ReadOnlySpan<byte> value)
    {
        if (value.SequenceEqual("none"u8))
        {
            Cache = CacheMode.None;
            return true;
        }

        if (value.SequenceEqual("check"u8))
        {
            Cache = CacheMode.Check;
            return true;
        }

        Cache = CacheMode.Loose;
        return value.SequenceEqual("loose"u8);
    }

    private static bool TryParse(ReadOnlySpan<byte> text, out uint value) =>
        Utf8Parser.TryParse(text, out value, out int used) && used == text.Length && used > 0;
}

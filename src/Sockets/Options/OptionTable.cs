using Semitone.Abi;

namespace Semitone.Sockets;

/// <summary>The options of one level (getsockopt(2)), by their numbers.</summary>
internal sealed class OptionTable(params OptionEntry[] entries)
{
    /// <summary>Bytes of the longest value that is told.</summary>
    public const int MaximumLength = 1024;

    public bool TryFind(int name, out OptionEntry? entry)
    {
        foreach (OptionEntry candidate in entries)
        {
            if (candidate.Name == name)
            {
                entry = candidate;
                return true;
            }
        }

        entry = null;
        return false;
    }

    /// <summary>Tells an option's value.</summary>
    /// <returns>None, ENOPROTOOPT for an option that there is not, or what the option says.</returns>
    public Errno Get(Socket socket, int name, Span<byte> value, out int length)
    {
        length = 0;
        return TryFind(name, out OptionEntry? entry) && entry!.Get is { } get ? get(socket, value, out length) : Errno.ENOPROTOOPT;
    }

    /// <summary>Sets an option.</summary>
    /// <returns>None, ENOPROTOOPT for an option that there is not, EINVAL for too short a value, or what the option says.</returns>
    public Errno Set(Socket socket, int name, ReadOnlySpan<byte> value, ISocketCaller caller)
    {
        if (!TryFind(name, out OptionEntry? entry) || entry!.Set is not { } set)
        {
            return Errno.ENOPROTOOPT;
        }

        return value.Length < entry.MinimumLength ? Errno.EINVAL : set(socket, value, caller);
    }
}

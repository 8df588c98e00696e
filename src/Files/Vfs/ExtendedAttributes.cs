using Semitone.Abi;
using Semitone.Core;

namespace Semitone.Files;

/// <summary>The extended attributes of one file (xattr(7)), kept in memory.</summary>
public sealed class ExtendedAttributes
{
    /// <summary>What an attribute costs besides its bytes.</summary>
    private const int Overhead = 96;

    private readonly List<(byte[] Name, byte[] Value)> _attributes = [];
    private int _nameBytes;

    /// <summary>Gets a value.</summary>
    public bool TryGet(scoped ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        int index = Find(name);
        value = index < 0 ? default : _attributes[index].Value;
        return index >= 0;
    }

    /// <summary>Sets a value, which becomes the file's.</summary>
    /// <returns>None; EEXIST or ENODATA as the flags have it, ENOSPC.</returns>
    public Errno Set(ReadOnlySpan<byte> name, byte[] value, XattrFlags flags)
    {
        int index = Find(name);
        if (index >= 0)
        {
            if ((flags & XattrFlags.XATTR_CREATE) != 0)
            {
                return Errno.EEXIST;
            }

            _attributes[index] = (_attributes[index].Name, value);
            return Errno.None;
        }

        if ((flags & XattrFlags.XATTR_REPLACE) != 0)
        {
            return Errno.ENODATA;
        }

        if (_nameBytes + name.Length + 1 > XattrLimits.XATTR_LIST_MAX
            || !KernelHeap.HasRoom(((_attributes.Count + 1) * 2 * IntPtr.Size * 2) + name.Length + Overhead))
        {
            return Errno.ENOSPC;
        }

        _attributes.Add((name.ToArray(), value));
        _nameBytes += name.Length + 1;
        return Errno.None;
    }

    /// <returns>False when there is no such attribute.</returns>
    public bool Remove(ReadOnlySpan<byte> name)
    {
        int index = Find(name);
        if (index < 0)
        {
            return false;
        }

        _attributes.RemoveAt(index);
        _nameBytes -= name.Length + 1;
        return true;
    }

    /// <summary>Steps through the names.</summary>
    public bool TryGetName(int index, out ReadOnlySpan<byte> name)
    {
        name = index < _attributes.Count ? _attributes[index].Name : default;
        return index < _attributes.Count;
    }

    private int Find(ReadOnlySpan<byte> name)
    {
        for (int i = 0; i < _attributes.Count; i++)
        {
            if (name.SequenceEqual(_attributes[i].Name))
            {
                return i;
            }
        }

        return -1;
    }
}

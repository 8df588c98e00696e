using System.Text;

namespace Semitone.Cpio;

/// <summary>Writes a cpio archive in newc format whose larger files start on page boundaries.</summary>
/// <remarks>
/// The kernel maps the pages of the archive that it finds in memory as the page cache. For that a file's data must start at a
/// multiple of 4096, where newc only promises 4. The name field may be longer than the name, so NULs after the name move the
/// data up; GNU cpio, bsdtar and Linux read such an archive like any other. Where the field would become longer than Linux reads (PATH_MAX), an
/// entry for the root directory, which changes nothing, fills the gap.
/// The caller gives names relative to the root, without a leading slash, directories before what is in them.
/// </remarks>
public sealed class CpioWriter(Stream output)
{
    private const int PageSize = 4096;
    private const uint DirectoryType = 0x4000;
    private const uint CharacterDeviceType = 0x2000;
    private const uint BlockDeviceType = 0x6000;
    private const uint FifoType = 0x1000;
    private const uint RegularType = 0x8000;
    private const uint SymbolicLinkType = 0xA000;

    private static readonly byte[] s_zeros = new byte[CpioFormat.HeaderSize + CpioFormat.MaximumNameField];

    private readonly byte[] _header = new byte[CpioFormat.HeaderSize];
    private long _offset;
    private uint _lastInode;
    private CpioAttributes _root = new(0x1ED);

    /// <summary>Files of at least this many bytes start on a page boundary; smaller ones are copied by the kernel when they are first used.</summary>
    public long AlignedFileSize { get; init; } = PageSize;

    /// <summary>Bytes written so far.</summary>
    public long Length => _offset;

    /// <summary>Adds a directory; the name "." stands for the root.</summary>
    public void AddDirectory(string name, CpioAttributes attributes)
    {
        if (name == ".")
        {
            _root = attributes;
        }
        WriteEntry(Encode(name), DirectoryType, attributes, ++_lastInode, 2, 0, 0, 0);
    }

    public void AddSymbolicLink(string name, string target, CpioAttributes attributes) => AddSymbolicLink(name, Encoding.UTF8.GetBytes(target), attributes);

    /// <summary>Adds a symbolic link whose target is any bytes.</summary>
    public void AddSymbolicLink(string name, ReadOnlySpan<byte> target, CpioAttributes attributes)
    {
        WriteEntry(Encode(name), SymbolicLinkType, attributes, ++_lastInode, 1, (uint)target.Length, 0, 0);
        WriteData(target);
        WritePadding();
    }

    public void AddFifo(string name, CpioAttributes attributes) => WriteEntry(Encode(name), FifoType, attributes, ++_lastInode, 1, 0, 0, 0);

    /// <summary>Adds a device node.</summary>
    public void AddDevice(string name, bool isBlockDevice, uint major, uint minor, CpioAttributes attributes) =>
        WriteEntry(Encode(name), isBlockDevice ? BlockDeviceType : CharacterDeviceType, attributes, ++_lastInode, 1, 0, major, minor);

    public void AddFile(string name, ReadOnlySpan<byte> data, CpioAttributes attributes)
    {
        BeginFile([name], data.Length, attributes);
        WriteData(data);
        WritePadding();
    }

    /// <summary>Adds a regular file under all the names that its hard links have.</summary>
    /// <param name="names">At least one. The data stands with the last, as newc wants it.</param>
    /// <param name="data">Read from its position for <paramref name="length"/> bytes.</param>
    /// <exception cref="EndOfStreamException">The file is shorter than was said: it changed meanwhile. The archive is useless then.</exception>
    public void AddFile(ReadOnlySpan<string> names, Stream data, long length, CpioAttributes attributes)
    {
        BeginFile(names, length, attributes);
        byte[] buffer = new byte[(int)Math.Min(length, 128 * 1024)];
        while (length > 0)
        {
            int count = data.Read(buffer, 0, (int)Math.Min(length, buffer.Length));
            if (count == 0)
            {
                throw new EndOfStreamException($"{names[0]} became shorter while it was being read");
            }
            WriteData(buffer.AsSpan(0, count));
            length -= count;
        }
        WritePadding();
    }

    /// <summary>Writes the trailer and fills the last page. The stream stays open.</summary>
    public void Finish()
    {
        WriteEntry(CpioFormat.TrailerName, 0, default, 0, 1, 0, 0, 0);
        WriteZeros((int)(-_offset & (PageSize - 1)));
        output.Flush();
    }

    private static byte[] Encode(string name)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        if (bytes.Length is 0 or >= CpioFormat.MaximumNameField || bytes.AsSpan().Contains((byte)0))
        {
            throw new ArgumentException($"cannot be a name in a cpio archive: {name}", nameof(name));
        }
        return bytes;
    }

    private void BeginFile(ReadOnlySpan<string> names, long length, CpioAttributes attributes)
    {
        // newc has 32 bits for it.
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, uint.MaxValue);
        uint inode = ++_lastInode;
        for (int i = 0; i < names.Length; i++)
        {
            bool hasData = i == names.Length - 1;
            WriteEntry(Encode(names[i]), RegularType, attributes, inode, (uint)names.Length, hasData ? (uint)length : 0, 0, 0);
        }
    }

    private void WriteEntry(ReadOnlySpan<byte> name, uint type, CpioAttributes attributes, uint inode, uint links, uint length, uint major, uint minor)
    {
        int nameField = name.Length + 1;
        if (type == RegularType && length >= AlignedFileSize && length != 0)
        {
            nameField = GetAligningField(nameField);
            if (nameField > CpioFormat.MaximumNameField)
            {
                // A field of 2 KiB for the root brings the next field down by as much.
                WriteHeader("."u8, PageSize / 2, DirectoryType, _root, ++_lastInode, 2, 0, 0, 0);
                nameField = GetAligningField(name.Length + 1);
            }
        }
        WriteHeader(name, nameField, type, attributes, inode, links, length, major, minor);
    }

    /// <summary>Finds the shortest name field, of at least so many bytes, after which data starts on a page boundary.</summary>
    private int GetAligningField(int least)
    {
        long start = CpioFormat.Align(_offset + CpioFormat.HeaderSize + least);
        long page = (start + (PageSize - 1)) & ~(long)(PageSize - 1);
        return page == start ? least : (int)(page - _offset - CpioFormat.HeaderSize);
    }

    private void WriteHeader(ReadOnlySpan<byte> name, int nameField, uint type, CpioAttributes attributes, uint inode, uint links, uint length, uint major, uint minor)
    {
        CpioFormat.Magic.CopyTo(_header);
        ReadOnlySpan<uint> fields =
        [
            inode, type | (attributes.Permissions & 0xFFF), attributes.Uid, attributes.Gid, links, attributes.ModifiedTime, length,
            0, 0, major, minor, (uint)nameField, 0,
        ];
        for (int i = 0; i < fields.Length; i++)
        {
            fields[i].TryFormat(_header.AsSpan(CpioFormat.MagicSize + (i * CpioFormat.FieldSize), CpioFormat.FieldSize), out _, "X8");
        }
        WriteData(_header);
        WriteData(name);
        WriteZeros(nameField - name.Length);
        WritePadding();
    }

    private void WritePadding() => WriteZeros((int)(CpioFormat.Align(_offset) - _offset));

    private void WriteZeros(int count) => WriteData(s_zeros.AsSpan(0, count));

    private void WriteData(ReadOnlySpan<byte> data)
    {
        output.Write(data);
        _offset += data.Length;
    }
}

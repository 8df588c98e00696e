using System.Buffers;
using System.Text;

namespace Semitone.Cpio;

/// <summary>Writes a cpio archive in newc format whose larger files start on page boundaries.</summary>
/// <remarks>
/// The kernel maps the pages of the archive that it finds in memory as the page cache. For that a file's data must start at a
/// multiple of 4096, where newc only promises 4. The name field may be longer than the name, so NULs after the name move the
/// data up; GNU cpio, bsdtar and Linux read such an archive like any other. Where the field would become longer than Linux reads
/// (PATH_MAX), an entry for the root directory, which changes nothing, fills the gap. The caller gives names relative to the root, without
/// a leading slash, directories before what is in them.
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
    private readonly long _start = output.CanSeek ? output.Position : 0;
    private long _offset;
    private long _lastHeader;
    private uint _lastInode;
    private CpioAttributes _root = new(0x1ED);

    /// <summary>
    /// Files of at least this many bytes start on a page boundary; smaller ones are copied by the kernel when they are first used.
    /// </summary>
    public long AlignedFileSize { get; init; } = PageSize;

    /// <summary>Bytes written so far.</summary>
    public long Length => _offset;

    /// <summary>Adds a directory; the name "." stands for the root.</summary>
    public void AddDirectory(string name, CpioAttributes attributes) => AddDirectory(Encoding.UTF8.GetBytes(name), attributes);

    /// <inheritdoc cref="AddDirectory(string, CpioAttributes)"/>
    public void AddDirectory(ReadOnlySpan<byte> name, CpioAttributes attributes)
    {
        if (name.SequenceEqual("."u8))
        {
            _root = attributes;
        }
        WriteEntry(Check(name), DirectoryType, attributes, ++_lastInode, 2, 0, 0, 0);
    }

    public void AddSymbolicLink(string name, string target, CpioAttributes attributes) =>
        AddSymbolicLink(Encoding.UTF8.GetBytes(name), Encoding.UTF8.GetBytes(target), attributes);

    /// <summary>Adds a symbolic link whose target is any bytes.</summary>
    public void AddSymbolicLink(ReadOnlySpan<byte> name, ReadOnlySpan<byte> target, CpioAttributes attributes)
    {
        WriteEntry(Check(name), SymbolicLinkType, attributes, ++_lastInode, 1, (uint)target.Length, 0, 0);
        WriteData(target);
        WritePadding();
    }

    public void AddFifo(ReadOnlySpan<byte> name, CpioAttributes attributes) =>
        WriteEntry(Check(name), FifoType, attributes, ++_lastInode, 1, 0, 0, 0);

    /// <summary>Adds a device node.</summary>
    public void AddDevice(ReadOnlySpan<byte> name, bool isBlockDevice, uint major, uint minor, CpioAttributes attributes) =>
        WriteEntry(Check(name), isBlockDevice ? BlockDeviceType : CharacterDeviceType, attributes, ++_lastInode, 1, 0, major, minor);

    public void AddFile(string name, ReadOnlySpan<byte> data, CpioAttributes attributes)
    {
        BeginFile(Encoding.UTF8.GetBytes(name), data.Length, attributes, links: 1);
        WriteData(data);
        WritePadding();
    }

    /// <summary>
    /// Adds a regular file under all the names that its hard links have, for a stream that cannot seek. The data stands with the last, as
    /// GNU cpio has it.
    /// </summary>
    public void AddFile(ReadOnlySpan<string> names, Stream data, long length, CpioAttributes attributes)
    {
        foreach (string name in names[..^1])
        {
            WriteEntry(Check(Encoding.UTF8.GetBytes(name)), RegularType, attributes, _lastInode + 1, (uint)names.Length, 0, 0, 0);
        }
        AddFile(Encoding.UTF8.GetBytes(names[^1]), data, length, attributes, (uint)names.Length);
    }

    /// <summary>Adds a regular file.</summary>
    /// <param name="data">Read from its position for <paramref name="length"/> bytes.</param>
    /// <returns>The file, to give it more names (<see cref="AddLink"/>).</returns>
    /// <exception cref="EndOfStreamException">The file is shorter than was said: it changed meanwhile. The archive is useless
    /// then.</exception>
    public CpioFile AddFile(ReadOnlySpan<byte> name, Stream data, long length, CpioAttributes attributes) =>
        AddFile(name, data, length, attributes, links: 1);

    private CpioFile AddFile(ReadOnlySpan<byte> name, Stream data, long length, CpioAttributes attributes, uint links)
    {
        CpioFile file = BeginFile(name, length, attributes, links);
        byte[] buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(length, 128 * 1024));
        while (length > 0)
        {
            int count = data.Read(buffer, 0, (int)Math.Min(length, buffer.Length));
            if (count == 0)
            {
                throw new EndOfStreamException("the file became shorter while it was being read");
            }
            WriteData(buffer.AsSpan(0, count));
            length -= count;
        }
        ArrayPool<byte>.Shared.Return(buffer);
        WritePadding();
        return file;
    }

    /// <summary>Gives a file that was added another name (link(2)).</summary>
    /// <remarks>
    /// The data stays with the first name, where readers of newc take it too; that entry's count of links is set right, so the stream must
    /// be one that can seek.
    /// </remarks>
    public void AddLink(ReadOnlySpan<byte> name, CpioFile file)
    {
        const int LinksField = 4;
        file.Links++;
        Span<byte> count = stackalloc byte[CpioFormat.FieldSize];
        file.Links.TryFormat(count, out _, "X8");
        output.Position = _start + file.HeaderOffset + CpioFormat.MagicSize + (LinksField * CpioFormat.FieldSize);
        output.Write(count);
        output.Position = _start + _offset;
        WriteEntry(Check(name), RegularType, file.Attributes, file.Inode, file.Links, 0, 0, 0);
    }

    /// <summary>Writes the trailer and fills the last page. The stream stays open.</summary>
    public void Finish()
    {
        WriteEntry(CpioFormat.TrailerName, 0, default, 0, 1, 0, 0, 0);
        WriteZeros((int)(-_offset & (PageSize - 1)));
        output.Flush();
    }

    private static ReadOnlySpan<byte> Check(ReadOnlySpan<byte> name) =>
        name.Length is > 0 and < CpioFormat.MaximumNameField && !name.Contains((byte)0) ? name
            : throw new ArgumentException($"cannot be a name in a cpio archive: {Encoding.UTF8.GetString(name)}", nameof(name));

    private CpioFile BeginFile(ReadOnlySpan<byte> name, long length, CpioAttributes attributes, uint links)
    {
        // newc has 32 bits for it.
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, uint.MaxValue);
        uint inode = ++_lastInode;
        WriteEntry(Check(name), RegularType, attributes, inode, links, (uint)length, 0, 0);
        return new CpioFile(inode, _lastHeader, _offset, length, attributes);
    }

    private void WriteEntry(
        ReadOnlySpan<byte> name, uint type, CpioAttributes attributes, uint inode, uint links, uint length, uint major, uint minor)
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

    private void WriteHeader(
        ReadOnlySpan<byte> name,
        int nameField,
        uint type,
        CpioAttributes attributes,
        uint inode,
        uint links,
        uint length,
        uint major,
        uint minor)
    {
        _lastHeader = _offset;
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

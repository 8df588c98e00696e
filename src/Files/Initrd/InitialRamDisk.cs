using Semitone.Abi;
using Semitone.Core;
using Semitone.Cpio;
using Semitone.Machine;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>Makes the root file system out of the initrd.</summary>
/// <remarks>
/// Start-up pays for headers and names only: the walk makes directories and their tables of names; other files become inodes when they are
/// first looked up. Archives may follow one another, plain or gzip, as Linux takes them; files of a later one replace those of an earlier.
/// </remarks>
public sealed class InitialRamDisk
{
    private const uint TypeMask = (uint)Mode.S_IFMT;

    private readonly RamFileSystem _fileSystem;
    private readonly byte[] _parentPath = new byte[FileLimits.PATH_MAX];
    private int _parentLength;
    private RamDirectory _parent;
    private Dictionary<(long Device, uint Inode), Inode>? _hardLinks;

    private InitialRamDisk(RamFileSystem fileSystem)
    {
        _fileSystem = fileSystem;
        _parent = fileSystem.RootDirectory;
    }

    /// <summary>Makes the root file system.</summary>
    /// <param name="range">The initrd; empty for an empty root.</param>
    /// <param name="offset">Where in the initrd (uncompressed, where it is) the trouble is, when there is any. The file system holds what
    /// came before it.</param>
    public static CpioError Load(FileServices services, PhysicalRange range, out RamFileSystem fileSystem, out long offset)
    {
        fileSystem = new RamFileSystem(services, deviceMinor: 1, InitialFiles.GetEndOfNumbers(range.Length));
        offset = 0;
        if (range.Length == 0)
        {
            return CpioError.None;
        }
        InitialRamDiskSource source = new(services.Frames, range);
        InitialFiles files = new(fileSystem, source);
        fileSystem.Initial = files;
        return new InitialRamDisk(fileSystem).ReadArchives(source, files, out offset);
    }

    /// <summary>Puts bytes that are in memory into the tree as one file: an initrd that is a program itself.</summary>
    public static CpioError AddFile(RamFileSystem fileSystem, ReadOnlySpan<byte> name, PhysicalRange contents)
    {
        RamFile file = new(fileSystem, fileSystem.NextInodeNumber(), Mode.S_IFREG | (Mode)0x1ED, contents);
        return fileSystem.RootDirectory.TryAddInitial(new FileName(name), DirentType.DT_REG, file, 0) ? CpioError.None : CpioError.Conflict;
    }

    private CpioError ReadArchives(InitialRamDiskSource source, InitialFiles files, out long offset)
    {
        CpioReader reader = new(source);
        CpioError error = CpioError.None;
        while (error == CpioError.None)
        {
            CompressionKind kind = Compression.Detect(source, reader.Offset);
            if (kind == CompressionKind.None)
            {
                error = ReadArchive(reader, files, null);
            }
            else if (kind == CompressionKind.Gzip)
            {
                // Kept out of this method, so that a plain initrd never runs through it.
                offset = reader.Offset;
                error = Unpack(source, ref offset);
                reader.Seek(offset);
            }
            else
            {
                error = CpioError.UnknownCompression;
            }
            if (error == CpioError.None && !reader.SkipPadding())
            {
                break;
            }
        }
        offset = reader.Offset;
        return error;
    }

    private CpioError Unpack(InitialRamDiskSource source, ref long offset)
    {
        UnpackedRamDisk unpacked = new(_fileSystem.Services.Frames);
        CpioError error = unpacked.Unpack(source, ref offset);
        if (error == CpioError.None)
        {
            CpioReader reader = new(unpacked);
            do
            {
                error = ReadArchive(reader, null, unpacked);
            }
            while (error == CpioError.None && reader.SkipPadding());
            if (error != CpioError.None)
            {
                offset = reader.Offset;
            }
        }
        unpacked.FreeAll();
        return error;
    }

    /// <summary>Reads one archive up to its trailer.</summary>
    /// <param name="files">Makes inodes later, out of the archive in memory.</param>
    /// <param name="unpacked">Or else: the archive, which is copied and freed now.</param>
    private CpioError ReadArchive(CpioReader reader, InitialFiles? files, UnpackedRamDisk? unpacked)
    {
        _hardLinks?.Clear();
        while (true)
        {
            switch (reader.ReadBriefly(out CpioEntry entry, out ReadOnlySpan<byte> name))
            {
                case CpioReadResult.Failed:
                    return reader.Error;
                case CpioReadResult.EndOfArchive:
                    return CpioError.None;
                default:
                    if (unpacked is not null)
                    {
                        // The frame that the name is in goes while the data is copied.
                        name = name.ToArray();
                    }
                    CpioError error = Add(reader, ref entry, name, files, unpacked);
                    if (error != CpioError.None)
                    {
                        reader.Seek(entry.HeaderOffset);
                        return error;
                    }
                    unpacked?.FreeUpTo(reader.Offset);
                    break;
            }
        }
    }

    private CpioError Add(CpioReader reader, ref CpioEntry entry, ReadOnlySpan<byte> path, InitialFiles? files, UnpackedRamDisk? unpacked)
    {
        CpioError error = FindParent(path, out FileName name);
        if (error != CpioError.None)
        {
            return error;
        }
        Mode type = (Mode)(entry.Mode & TypeMask);
        if (type == Mode.S_IFDIR || entry.Links > 1 || unpacked is not null)
        {
            reader.ReadDetails(ref entry);
        }
        if (type == Mode.S_IFDIR)
        {
            return AddDirectory(in entry, name);
        }
        if (name.Bytes.IsEmpty)
        {
            return CpioError.Conflict;
        }
        if (type is not (Mode.S_IFREG or Mode.S_IFLNK or Mode.S_IFCHR or Mode.S_IFBLK or Mode.S_IFIFO or Mode.S_IFSOCK))
        {
            return CpioError.BadFileType;
        }
        if (type == Mode.S_IFLNK && (entry.DataLength is 0 or >= FileLimits.PATH_MAX))
        {
            return CpioError.BadLink;
        }

        Inode? inode = null;
        if (entry.Links > 1)
        {
            error = MakeHardLinked(in entry, files, unpacked, out inode);
        }
        else if (unpacked is not null)
        {
            error = KernelHeap.HasRoom() ? unpacked.Make(_fileSystem, in entry, out inode) : CpioError.OutOfMemory;
        }
        if (error != CpioError.None)
        {
            return error;
        }
        DirentType direntType = (DirentType)((uint)type >> 12);
        return _parent.TryAddInitial(name, direntType, inode, entry.HeaderOffset) ? CpioError.None
            : KernelHeap.HasRoom() ? CpioError.Conflict
            : CpioError.OutOfMemory;
    }

    private CpioError AddDirectory(in CpioEntry entry, FileName name)
    {
        RamDirectory? directory = name.Bytes.IsEmpty ? _fileSystem.RootDirectory : _parent.GetOrAddDirectory(name);
        if (directory is null)
        {
            return KernelHeap.HasRoom() ? CpioError.Conflict : CpioError.OutOfMemory;
        }
        directory.Mode = Mode.S_IFDIR | ((Mode)entry.Mode & Inode.PermissionMask);
        InitialFiles.SetAttributes(directory, in entry);
        return CpioError.None;
    }

    /// <summary>Makes one inode for all entries of a hard-linked file, whichever of them has the data.</summary>
    private CpioError MakeHardLinked(in CpioEntry entry, InitialFiles? files, UnpackedRamDisk? unpacked, out Inode? inode)
    {
        _hardLinks ??= [];
        (long, uint) key = (((long)entry.DeviceMajor << 32) | entry.DeviceMinor, entry.Inode);
        if (_hardLinks.TryGetValue(key, out inode) && inode.Links != 0 && inode.Type == (Mode)(entry.Mode & TypeMask))
        {
            inode.Links++;
            if (entry.DataLength != 0 && inode is RamFile file)
            {
                if (unpacked is not null)
                {
                    return unpacked.Copy(file, in entry);
                }
                file.SetInitialContents(files!.GetRange(in entry));
            }
            return CpioError.None;
        }
        if (!KernelHeap.HasRoom())
        {
            return CpioError.OutOfMemory;
        }
        if (unpacked is not null)
        {
            CpioError error = unpacked.Make(_fileSystem, in entry, out inode);
            if (error != CpioError.None)
            {
                return error;
            }
        }
        else
        {
            inode = files!.Make(in entry);
        }
        _hardLinks[key] = inode!;
        return CpioError.None;
    }

    /// <summary>Finds the directory that a path lies in and makes it where it is missing.</summary>
    /// <param name="name">The last component; empty for the root.</param>
    private CpioError FindParent(ReadOnlySpan<byte> path, out FileName name)
    {
        name = default;
        // "./a", "/a" and "a" are the same: an archive's names count from the root.
        while (path.StartsWith("/"u8) || path.StartsWith("./"u8))
        {
            path = path[1..];
        }
        while (path.EndsWith("/"u8))
        {
            path = path[..^1];
        }
        if (path.IsEmpty || path.SequenceEqual("."u8))
        {
            return CpioError.None;
        }

        int slash = path.LastIndexOf((byte)'/');
        ReadOnlySpan<byte> last = path[(slash + 1)..];
        ReadOnlySpan<byte> parentPath = slash < 0 ? [] : path[..slash];
        if (!parentPath.SequenceEqual(_parentPath.AsSpan(0, _parentLength)))
        {
            CpioError error = WalkToParent(parentPath);
            if (error != CpioError.None)
            {
                return error;
            }
        }
        name = new FileName(last);
        return CheckName(name);
    }

    private CpioError WalkToParent(ReadOnlySpan<byte> path)
    {
        RamDirectory directory = _fileSystem.RootDirectory;
        ReadOnlySpan<byte> rest = path;
        while (!rest.IsEmpty)
        {
            FileName name = FileName.TakeFirst(ref rest);
            rest = rest.IsEmpty ? rest : rest[1..];
            if (name.Bytes.IsEmpty || name.IsDot)
            {
                continue;
            }
            CpioError error = CheckName(name);
            if (error != CpioError.None)
            {
                return error;
            }
            RamDirectory? next = directory.GetOrAddDirectory(name);
            if (next is null)
            {
                return KernelHeap.HasRoom() ? CpioError.ParentIsNoDirectory : CpioError.OutOfMemory;
            }
            directory = next;
        }
        _parent = directory;
        path.CopyTo(_parentPath);
        _parentLength = path.Length;
        return CpioError.None;
    }

    private static CpioError CheckName(FileName name)
    {
        if (name.IsDotDot)
        {
            return CpioError.NameLeavesRoot;
        }
        return name.IsDot || name.Bytes.IsEmpty ? CpioError.BadName
            : name.Bytes.Length > FileLimits.NAME_MAX ? CpioError.NameTooLong
            : CpioError.None;
    }
}

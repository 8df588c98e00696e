using System.Text;
using CsCheck;
using Semitone.Abi;
using Semitone.Files;
using Semitone.Memory;

namespace Semitone.Unit.Files;

/// <summary>
/// Random sequences of operations, done here and on the host's file system: both must answer the same and end with the same tree.
/// </summary>
public sealed class HostComparisonTests
{
    private static readonly string[] s_names = ["a", "b", "c", "l"];

    private static readonly Gen<string> s_path = Gen.Select(
        Gen.Int[0, s_names.Length - 1].Array[1, 3],
        Gen.Int[0, 11],
        (parts, decoration) =>
        {
            string path = string.Join('/', parts.Select(part => s_names[part]));
            return decoration switch
            {
                0 => path + "/",
                1 => path + "/.",
                2 => path + "/..",
                3 => "./" + path,
                4 => path.Replace("/", "//", StringComparison.Ordinal),
                5 => "../" + s_names[parts[0]],
                6 => ".",
                _ => path,
            };
        });

    private static readonly Gen<OpenFlags> s_flags = Gen.Select(
        Gen.Int[0, 2],
        Gen.Int[0, 127],
        (access, bits) =>
        {
            OpenFlags flags = (OpenFlags)access;
            flags |= (bits & 1) != 0 ? OpenFlags.O_CREAT : 0;
            flags |= (bits & 6) == 6 ? OpenFlags.O_EXCL : 0;
            flags |= (bits & 24) == 24 ? OpenFlags.O_TRUNC : 0;
            flags |= (bits & 36) == 36 ? OpenFlags.O_APPEND : 0;
            flags |= (bits & 72) == 72 ? OpenFlags.O_NOFOLLOW : 0;
            flags |= (bits & 68) == 68 ? OpenFlags.O_DIRECTORY : 0;
            return flags;
        });

    private static readonly Gen<Operation> s_operation = Gen.Frequency(
        (6, Gen.Select(s_path, s_flags, (path, flags) => new Operation(OperationKind.Open, path, Flags: flags))),
        (2, Gen.Int[0, 7].Select(handle => new Operation(OperationKind.Close, Handle: handle))),
        (4, s_path.Select(path => new Operation(OperationKind.MakeDirectory, path))),
        (3, s_path.Select(path => new Operation(OperationKind.RemoveDirectory, path))),
        (3, s_path.Select(path => new Operation(OperationKind.Unlink, path))),
        (5, Gen.Select(s_path, s_path, Gen.Int[0, 7], (from, to, flags) =>
            new Operation(OperationKind.Rename, from, to, Number: flags < 4 ? flags : 0))),
        (3, Gen.Select(s_path, s_path, (from, to) => new Operation(OperationKind.Link, from, to))),
        (4, Gen.Select(s_path, s_path, (target, path) => new Operation(OperationKind.SymbolicLink, target, path))),
        (3, Gen.Select(s_path, Gen.Bool, (path, follow) => new Operation(OperationKind.Stat, path, Number: follow ? 1 : 0))),
        (5, Gen.Select(
            Gen.Int[0, 7], Gen.Int[0, 9000], (handle, count) => new Operation(OperationKind.Read, Handle: handle, Number: count))),
        (6, Gen.Select(
            Gen.Int[0, 7], Gen.Int[0, 9000], (handle, count) => new Operation(OperationKind.Write, Handle: handle, Number: count))),
        (3, Gen.Select(Gen.Int[0, 7], Gen.Int[0, 9000], Gen.Int[0, 20000], (handle, count, offset) =>
            new Operation(OperationKind.ReadAt, Handle: handle, Number: count, Offset: offset))),
        (3, Gen.Select(Gen.Int[0, 7], Gen.Int[0, 9000], Gen.Int[0, 20000], (handle, count, offset) =>
            new Operation(OperationKind.WriteAt, Handle: handle, Number: count, Offset: offset))),
        (3, Gen.Select(Gen.Int[0, 7], Gen.Int[0, 2], Gen.Int[-9000, 20000], (handle, origin, offset) =>
            new Operation(OperationKind.Seek, Handle: handle, Number: origin, Offset: offset))),
        (2, Gen.Select(
            Gen.Int[0, 7], Gen.Int[0, 20000], (handle, length) => new Operation(OperationKind.Truncate, Handle: handle, Offset: length))));

    private enum OperationKind
    {
        Open,
        Close,
        MakeDirectory,
        RemoveDirectory,
        Unlink,
        Rename,
        Link,
        SymbolicLink,
        Stat,
        Read,
        Write,
        ReadAt,
        WriteAt,
        Seek,
        Truncate,
    }

    [Fact]
    public void AnySequenceOfOperations_AnswersAsLinuxDoes() =>
        s_operation.Array[1, 60].Sample(
            operations =>
            {
                using Run run = new();
                foreach (Operation operation in operations)
                {
                    run.Do(operation);
                }
                run.CompareTrees();
            },
            iter: 400,
            threads: 1);

    private sealed record Operation(
        OperationKind Kind, string Path = "", string Second = "", OpenFlags Flags = 0, int Handle = 0, int Number = 0, long Offset = 0);

    /// <summary>Both file systems, with the files that are open in each.</summary>
    private sealed class Run : IDisposable
    {
        private const string Place = "one/two/top";

        private readonly FilesFixture _ours = new(frameCount: 8192);
        private readonly string _folder = Directory.CreateTempSubdirectory("semitone-files-").FullName;
        private readonly int _host;
        private readonly DirectoryInode _start;
        private readonly List<(OpenFile Ours, int Host)> _handles = [];

        public Run()
        {
            // Two directories above, because ".." and a link that is made there lead that far up, and no further.
            Directory.CreateDirectory(Path.Combine(_folder, Place));
            _host = HostFiles.OpenDirectory(Path.Combine(_folder, Place));
            foreach (string path in (string[])["one", "one/two", Place])
            {
                Assert.Equal(Errno.None, _ours.Context.MakeDirectory(_ours.Start, Encoding.UTF8.GetBytes(path), (Mode)0x1ED));
            }
            _start = (DirectoryInode)_ours.Find(Place);
        }

        public void Do(Operation operation)
        {
            byte[] path = Encoding.UTF8.GetBytes(operation.Path);
            byte[] second = Encoding.UTF8.GetBytes(operation.Second);
            FileSystemContext context = _ours.Context;
            switch (operation.Kind)
            {
                case OperationKind.Open:
                    Open(operation);
                    break;
                case OperationKind.Close when _handles.Count != 0:
                    int index = operation.Handle % _handles.Count;
                    _handles[index].Ours.Release();
                    HostFiles.Close(_handles[index].Host);
                    _handles.RemoveAt(index);
                    break;
                case OperationKind.MakeDirectory:
                    Compare(HostFiles.MakeDirectory(_host, operation.Path), context.MakeDirectory(_start, path, (Mode)0x1ED), operation);
                    break;
                case OperationKind.RemoveDirectory:
                    Compare(HostFiles.RemoveDirectory(_host, operation.Path), context.RemoveDirectory(_start, path), operation);
                    break;
                case OperationKind.Unlink:
                    Compare(HostFiles.Unlink(_host, operation.Path), context.Unlink(_start, path), operation);
                    break;
                case OperationKind.Rename:
                    RenameFlags flags = (RenameFlags)operation.Number;
                    Compare(
                        HostFiles.Rename(_host, operation.Path, operation.Second, flags),
                        context.Rename(_start, path, _start, second, flags),
                        operation);
                    break;
                case OperationKind.Link:
                    Errno found = context.Find(_start, path, follow: false, out Inode? inode);
                    Compare(HostFiles.Link(_host, operation.Path, operation.Second), found != Errno.None
                        ? found
                        : context.Link(inode!, _start, second), operation);
                    break;
                case OperationKind.SymbolicLink:
                    Compare(
                        HostFiles.MakeSymbolicLink(_host, operation.Path, operation.Second),
                        context.MakeSymbolicLink(path, _start, second),
                        operation);
                    break;
                case OperationKind.Stat:
                    Stat(operation.Path, operation.Number != 0);
                    break;
                default:
                    if (_handles.Count != 0)
                    {
                        DoWithHandle(operation, _handles[operation.Handle % _handles.Count]);
                    }
                    break;
            }
        }

        public void CompareTrees() => Assert.Equal(DescribeHost("../../.."), DescribeOurs(_ours.Root.Root, "../../.."));

        public void Dispose()
        {
            foreach ((_, int host) in _handles)
            {
                HostFiles.Close(host);
            }
            HostFiles.Close(_host);
            Directory.Delete(_folder, recursive: true);
        }

        private static void Compare<T>(T expected, T actual, Operation operation) =>
            Assert.True(Equals(expected, actual), $"{operation}: Linux {expected}, we {actual}");

        private void Open(Operation operation)
        {
            if ((operation.Flags & (OpenFlags.O_CREAT | OpenFlags.O_DIRECTORY)) == (OpenFlags.O_CREAT | OpenFlags.O_DIRECTORY))
            {
                // Kernels differ: EINVAL from Linux 6.3 on, which the layer of the system calls answers.
                return;
            }
            Errno expected = HostFiles.Open(_host, operation.Path, operation.Flags, 0x1A4, out int fd);
            Errno actual =
                _ours.Context.Open(_start, Encoding.UTF8.GetBytes(operation.Path), operation.Flags, (Mode)0x1A4, out OpenFile? file);
            Compare(expected, actual, operation);
            if (expected == Errno.None)
            {
                _handles.Add((file!, fd));
            }
        }

        private void Stat(string path, bool follow)
        {
            Errno expected = HostFiles.Stat(_host, path, follow, out Stat host);
            Errno actual = _ours.Context.Find(_start, Encoding.UTF8.GetBytes(path), follow, out Inode? inode);
            Assert.True(expected == actual, $"stat {path}: Linux {expected}, we {actual}");
            if (expected == Errno.None)
            {
                inode!.GetAttributes(out Stat ours);
                Assert.Equal(host.st_mode & Mode.S_IFMT, ours.st_mode & Mode.S_IFMT);
                if ((host.st_mode & Mode.S_IFMT) != Mode.S_IFDIR)
                {
                    Assert.Equal((host.st_size, host.st_nlink), (ours.st_size, ours.st_nlink));
                }
            }
        }

        private static void DoWithHandle(Operation operation, (OpenFile Ours, int Host) handle)
        {
            switch (operation.Kind)
            {
                case OperationKind.Read or OperationKind.ReadAt:
                    byte[] expected = new byte[operation.Number];
                    byte[] actual = new byte[operation.Number];
                    IoCursor target = IoCursor.OverKernel(actual);
                    bool isAt = operation.Kind == OperationKind.ReadAt;
                    IoResult read = !handle.Ours.CanRead
                        ? Errno.EBADF
                        : isAt ? handle.Ours.ReadAt(ref target, operation.Offset) : handle.Ours.Read(ref target);
                    Compare(HostFiles.Read(handle.Host, expected, isAt ? operation.Offset : -1), Merge(read), operation);
                    Assert.Equal(expected, actual);
                    break;
                case OperationKind.Write or OperationKind.WriteAt:
                    byte[] data = new byte[operation.Number];
                    data.AsSpan().Fill((byte)(operation.Number + operation.Offset + 1));
                    IoCursor source = IoCursor.OverKernel(data);
                    bool isPositional = operation.Kind == OperationKind.WriteAt;
                    IoResult written = !handle.Ours.CanWrite ? Errno.EBADF
                        : isPositional ? handle.Ours.WriteAt(ref source, operation.Offset) : handle.Ours.Write(ref source);
                    Compare(HostFiles.Write(handle.Host, data, isPositional ? operation.Offset : -1), Merge(written), operation);
                    break;
                case OperationKind.Seek:
                    if (handle.Ours.Inode is DirectoryInode)
                    {
                        // A directory's offsets are each file system's own.
                        return;
                    }
                    Errno error = handle.Ours.Seek(operation.Offset, (SeekWhence)operation.Number, out long position);
                    Compare(
                        HostFiles.Seek(handle.Host, operation.Offset, (SeekWhence)operation.Number),
                        (error == Errno.None ? position : -1, error),
                        operation);
                    break;
                case OperationKind.Truncate:
                    Errno result = handle.Ours.CanWrite && handle.Ours.Inode.IsRegular
                        ? handle.Ours.Inode.SetSize(operation.Offset).Error
                        : Errno.EINVAL;
                    Compare(HostFiles.Truncate(handle.Host, operation.Offset), result, operation);
                    break;
                default:
                    break;
            }
        }

        private static (long Result, Errno Error) Merge(IoResult result) =>
            result.Bytes > 0 || result.Error == Errno.None ? (result.Bytes, Errno.None) : (-1, result.Error);

        private string DescribeHost(string path)
        {
            StringBuilder text = new();
            string folder = Path.Combine(_folder, Place, path);
            foreach (string entry in Directory.EnumerateFileSystemEntries(folder).Order(StringComparer.Ordinal))
            {
                string name = path + "/" + Path.GetFileName(entry);
                Assert.Equal(Errno.None, HostFiles.Stat(_host, name, false, out Stat stat));
                text.Append(name).Append(' ');
                switch (stat.st_mode & Mode.S_IFMT)
                {
                    case Mode.S_IFDIR:
                        text.Append("dir\n").Append(DescribeHost(name));
                        break;
                    case Mode.S_IFLNK:
                        text.Append("-> ").Append(new FileInfo(entry).LinkTarget).Append('\n');
                        break;
                    default:
                        text.Append(stat.st_nlink)
                            .Append(' ')
                            .Append(Convert.ToHexString(System.Security.Cryptography.MD5.HashData(File.ReadAllBytes(entry))))
                            .Append('\n');
                        break;
                }
            }
            return text.ToString();
        }

        private string DescribeOurs(DirectoryInode directory, string path)
        {
            List<(string Name, byte[] Bytes)> names = [];
            long position = 0;
            while (directory.TryGetEntry(ref position, out DirectoryEntry entry))
            {
                names.Add((Encoding.UTF8.GetString(entry.Name), entry.Name.ToArray()));
            }
            StringBuilder text = new();
            foreach ((string name, byte[] bytes) in names.OrderBy(entry => entry.Name, StringComparer.Ordinal))
            {
                Assert.Equal(Errno.None, directory.Lookup(new FileName(bytes), out Inode? inode));
                text.Append(path).Append('/').Append(name).Append(' ');
                switch (inode)
                {
                    case DirectoryInode child:
                        text.Append("dir\n").Append(DescribeOurs(child, path + "/" + name));
                        break;
                    case SymbolicLinkInode link:
                        Assert.Equal(Errno.None, link.GetTarget(out ReadOnlySpan<byte> target));
                        text.Append("-> ").Append(Encoding.UTF8.GetString(target)).Append('\n');
                        break;
                    default:
                        byte[] content = new byte[inode!.Size];
                        IoCursor cursor = IoCursor.OverKernel(content);
                        ((RegularFileInode)inode).Read(0, ref cursor);
                        text.Append(inode.Links)
                            .Append(' ')
                            .Append(Convert.ToHexString(System.Security.Cryptography.MD5.HashData(content)))
                            .Append('\n');
                        break;
                }
            }
            return text.ToString();
        }
    }
}

using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Semitone.Cli.Posix;

/// <summary>
/// Files and folders of the host by names of any bytes (see <see cref="HostText"/>), which .NET's own functions cannot open.
/// </summary>
internal static class HostFile
{
    private const int LongestPath = 4096;

    /// <summary>The working directory.</summary>
    /// <exception cref="CommandFailedException">It is there no more.</exception>
    public static string CurrentDirectory
    {
        get
        {
            byte[] path = new byte[LongestPath];
            return LibC.getcwd(path, (nuint)path.Length) != 0 && path[0] == '/'
                ? HostText.FromBytes(path.AsSpan(0, path.AsSpan().IndexOf((byte)0)))
                : throw new CommandFailedException(ExitStatus.Usage, "the working directory cannot be entered, or is there no more");
        }
    }

    /// <summary>Makes a path absolute and takes <c>.</c> and <c>..</c> out of it, as text.</summary>
    public static string GetFullPath(string path) => Path.GetFullPath(path.StartsWith('/') ? path : $"{CurrentDirectory}/{path}");

    /// <summary>Whether a path leads to a regular file.</summary>
    public static bool Exists(string path) => FileStatus.TryFollow(path, out FileStatus status) && status.IsRegular;

    public static bool IsFolder(string path) => FileStatus.TryFollow(path, out FileStatus status) && status.IsDirectory;

    /// <summary>Opens a file for reading.</summary>
    /// <exception cref="IOException">It cannot be opened; the message says why.</exception>
    public static SafeFileHandle Open(string path)
    {
        // A fifo that nobody writes to must not hold us up.
        int descriptor = LibC.open(HostText.ToCString(path), LibC.O_RDONLY | LibC.O_CLOEXEC | LibC.O_NONBLOCK);
        return descriptor >= 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : throw MakeException();
    }

    /// <summary>Opens a file for reading from its start to its end.</summary>
    /// <exception cref="IOException">It cannot be opened; the message says why.</exception>
    public static FileStream OpenStream(string path) => new(Open(path), FileAccess.Read, bufferSize: 0);

    /// <summary>Makes an empty file, for writing and reading, or empties the one that is there.</summary>
    /// <exception cref="IOException">It cannot be made; the message says why.</exception>
    public static FileStream Create(string path)
    {
        const uint Permissions = 0x1B6;
        const int BufferSize = 128 * 1024;
        int descriptor = LibC.open(HostText.ToCString(path), LibC.O_RDWR | LibC.O_CREAT | LibC.O_TRUNC | LibC.O_CLOEXEC, Permissions);
        return descriptor >= 0
            ? new FileStream(new SafeFileHandle(descriptor, ownsHandle: true), FileAccess.ReadWrite, BufferSize)
            : throw MakeException();
    }

    /// <summary>Reads a whole file, also one of /proc, whose length is not known before.</summary>
    public static bool TryReadAll(string path, out byte[] content)
    {
        content = [];
        try
        {
            using FileStream file = OpenStream(path);
            using MemoryStream copy = new();
            file.CopyTo(copy);
            content = copy.ToArray();
            return true;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return false;
        }
    }

    /// <summary>Reads a text file; an empty string where it cannot be read.</summary>
    public static string ReadText(string path) => TryReadAll(path, out byte[] content) ? HostText.FromBytes(content) : "";

    /// <summary>Reads a symbolic link.</summary>
    /// <returns>Its target; null when it is none.</returns>
    public static string? ReadLink(string path)
    {
        byte[] target = new byte[LongestPath];
        nint length = LibC.readlink(HostText.ToCString(path), target, (nuint)target.Length);
        return length > 0 ? HostText.FromBytes(target.AsSpan(0, (int)length)) : null;
    }

    /// <summary>Lists a folder's names in the order of their characters; without <c>.</c> and <c>..</c>.</summary>
    /// <exception cref="IOException">It cannot be read; the message says why.</exception>
    public static string[] List(string folder)
    {
        // struct linux_dirent64, getdents64(2): inode and offset of 8 bytes, length of 2, type of 1, name.
        const int LengthField = 16;
        const int NameField = 19;
        using SafeFileHandle handle = Open(folder + "/");
        List<string> names = [];
        byte[] buffer = new byte[32 * 1024];
        while (true)
        {
            nint filled = LibC.getdents64((int)handle.DangerousGetHandle(), buffer, (nuint)buffer.Length);
            if (filled <= 0)
            {
                return filled == 0 ? Sort(names) : throw new IOException(Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError()));
            }

            for (int offset = 0; offset < filled; offset += BinaryPrimitives.ReadUInt16LittleEndian(buffer.AsSpan(offset + LengthField)))
            {
                ReadOnlySpan<byte> name = buffer.AsSpan(offset + NameField);
                name = name[..name.IndexOf((byte)0)];
                if (!name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8))
                {
                    names.Add(HostText.FromBytes(name));
                }
            }
        }
    }

    /// <summary>Makes an exception of the last call's error.</summary>
    private static IOException MakeException()
    {
        int error = Marshal.GetLastPInvokeError();
        string message = Marshal.GetPInvokeErrorMessage(error);
        return error is LibC.ENOENT or LibC.ENOTDIR ? new FileNotFoundException(message) : new IOException(message);
    }

    private static string[] Sort(List<string> names)
    {
        names.Sort(StringComparer.Ordinal);
        return [.. names];
    }
}

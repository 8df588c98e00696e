using Semitone.Cli.Packing;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Archives;

/// <summary>An archive that a user gives as root file system: tar or cpio, compressed or not.</summary>
/// <remarks>
/// It is packed anew: the kernel maps files that start on a page boundary instead of copying them, unpacks nothing, and gets nothing that
/// was not checked.
/// </remarks>
internal static class RootArchive
{
    /// <summary>Packs all entries of an archive.</summary>
    /// <param name="path">Of a regular file.</param>
    /// <exception cref="CommandFailedException">It cannot be read, or is damaged.</exception>
    public static void Unpack(string path, RootFileSystemWriter writer)
    {
        FileStream file;
        try
        {
            file = HostFile.OpenStream(path);
        }
        catch (IOException failure)
        {
            throw new CommandFailedException(ExitStatus.Usage, $"--rootfs: {path} cannot be read: {failure.Message}");
        }

        Unpack(file, path, writer);
    }

    /// <inheritdoc cref="Unpack(string, RootFileSystemWriter)"/>
    /// <param name="file">The archive; it is closed.</param>
    /// <param name="path">What messages call it.</param>
    internal static void Unpack(Stream file, string path, RootFileSystemWriter writer)
    {
        try
        {
            using LookAheadStream archive = new(file);
            int leftOut = UnpackAll(archive, writer);
            if (leftOut > 0)
            {
                writer.Progress?.Say($"{path} has {leftOut} extended attributes, which an initrd cannot hold: they are left out");
            }

            CheckImage(writer);
        }
        catch (ArchiveException problem)
        {
            throw new CommandFailedException(ExitStatus.Usage, $"--rootfs: {path} {problem.Message}");
        }
    }

    private static int UnpackAll(LookAheadStream archive, RootFileSystemWriter writer)
    {
        int leftOut = 0;
        do
        {
            // Archives may follow one another, each compressed or not, as Linux takes them.
            using Stream? unpacked = Decompression.Open(archive);
            leftOut += UnpackOne(unpacked is null ? archive : new LookAheadStream(unpacked), writer, isCompressed: unpacked is not null);
            archive.SkipZeros();
        }
        while (!archive.Peek(1).IsEmpty);
        return leftOut;
    }

    private static int UnpackOne(LookAheadStream archive, RootFileSystemWriter writer, bool isCompressed)
    {
        IArchiveReader reader = Recognize(archive, isCompressed);
        while (reader.Read() is { } entry)
        {
            writer.AddEntry(entry);
        }

        if (reader is CpioArchiveReader && isCompressed && !archive.Peek(1).IsEmpty)
        {
            throw new ArchiveException("is damaged: something that is no archive follows its end");
        }

        if (reader is TarArchiveReader)
        {
            // Whatever stands behind the end is no part of it; but a checksum may, which must be looked at.
            ReadToEnd(archive);
        }

        return reader.LeftOutAttributes;
    }

    private static void ReadToEnd(LookAheadStream archive)
    {
        byte[] rest = new byte[64 * 1024];
        while (archive.Read(rest) > 0)
        {
        }
    }

    private static IArchiveReader Recognize(LookAheadStream archive, bool isCompressed)
    {
        ReadOnlySpan<byte> start = archive.Peek(TarHeader.BlockSize);
        if (CpioArchiveReader.IsOne(start))
        {
            return new CpioArchiveReader(archive);
        }

        if (TarArchiveReader.IsOne(start))
        {
            return new TarArchiveReader(archive);
        }

        if (isCompressed)
        {
            // What is damaged decodes to anything: whoever unpacks it says so at the end.
            start = start.ToArray();
            ReadToEnd(archive);
        }

        string what = isCompressed ? "holds" : "is";
        throw new ArchiveException(
            CpioArchiveReader.IsOldOne(start) ? $"{what} a cpio archive in an old format: write it with cpio -o -H newc"
            : start.IsEmpty ? $"{what} nothing: it is empty"
            : start.StartsWith("PK"u8) ? $"{what} a zip archive, which knows no owners or devices: use tar or cpio"
            : start.StartsWith("!<arch>\ndebian"u8) ? $"{what} a Debian package: unpack it with dpkg-deb -x"
            : start.StartsWith("hsqs"u8) ? $"{what} a squashfs image: unpack it with unsquashfs"
            : $"{what} neither a tar nor a cpio archive");
    }

    /// <summary>Refuses what docker save writes: files that hold the layers of a root file system, not one.</summary>
    private static void CheckImage(RootFileSystemWriter writer)
    {
        PackedNames names = writer.Names;
        if (names.TryGet("manifest.json", out _)
            && (names.TryGet("repositories", out _) || names.TryGet("oci-layout", out _))
            && !names.TryGet("bin", out _)
            && !names.TryGet("usr", out _))
        {
            throw new ArchiveException("is an image with layers (docker save): give the file system of a container (docker export)");
        }
    }
}

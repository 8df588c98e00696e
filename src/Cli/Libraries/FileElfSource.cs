using Microsoft.Win32.SafeHandles;
using Semitone.Abi;
using Semitone.Elf;

namespace Semitone.Cli.Libraries;

/// <summary>An ELF file on the host's disk.</summary>
internal sealed class FileElfSource(SafeFileHandle file) : IElfSource
{
    public IoResult ReadAt(long offset, Span<byte> destination)
    {
        long done = 0;
        try
        {
            while (!destination.IsEmpty)
            {
                int count = RandomAccess.Read(file, destination, offset);
                if (count == 0)
                {
                    break;
                }

                destination = destination[count..];
                offset += count;
                done += count;
            }

            return done;
        }
        catch (IOException)
        {
            return Errno.EIO;
        }
    }
}

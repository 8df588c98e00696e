using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Semitone.Cli.Posix;

/// <summary>A file in memory without a name, memfd_create(2): gone with its last user, however that ends.</summary>
internal static class MemoryFile
{
    private const uint MFD_CLOEXEC = 1;

    public static FileStream Create(string name)
    {
        int descriptor = LibC.memfd_create(name, MFD_CLOEXEC);
        if (descriptor < 0)
        {
            throw new CommandFailedException(
                ExitStatus.Usage, $"no file in memory could be made: error {Marshal.GetLastPInvokeError()} of memfd_create(2)");
        }

        return new FileStream(new SafeFileHandle(descriptor, ownsHandle: true), FileAccess.ReadWrite, bufferSize: 128 * 1024);
    }
}

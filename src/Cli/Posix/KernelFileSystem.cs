using System.Buffers.Binary;

namespace Semitone.Cli.Posix;

/// <summary>The file systems that are a kernel's view of itself: nothing in them is a file to pack.</summary>
internal static class KernelFileSystem
{
    private const ulong Tmpfs = 0x0102_1994;

    /// <summary>
    /// The numbers of statfs(2): proc, sysfs, devpts, cgroup, cgroup2, debugfs, tracefs, securityfs, bpf, pstore, efivarfs, mqueue,
    /// binfmt_misc, autofs, configfs, selinuxfs, fusectl, nsfs.
    /// </summary>
    private static readonly ulong[] s_types =
    [
        0x9FA0, 0x6265_6572, 0x1CD1, 0x27_E0EB, 0x6367_7270, 0x6462_6720, 0x7472_6163, 0x7363_6673, 0xCAFE_4A11, 0x6165_676C, 0xDE5E_81E4,
        0x1980_0202, 0x4249_4E4D, 0x0187,
        0x6265_6570, 0xF97C_FF8C, 0x6573_5543, 0x6E73_6673,
    ];

    /// <summary>Tells whether a path is on one of them; devtmpfs, which gives tmpfs's number, is told by its usual place.</summary>
    public static bool IsAt(string path)
    {
        // struct statfs of x86-64: 120 bytes, the type first.
        byte[] status = new byte[120];
        if (LibC.statfs(HostText.ToCString(path), status) != 0)
        {
            return false;
        }

        ulong type = BinaryPrimitives.ReadUInt64LittleEndian(status);
        return Array.IndexOf(s_types, type) >= 0 || (type == Tmpfs && path.EndsWith("/dev", StringComparison.Ordinal));
    }
}

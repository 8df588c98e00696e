using System.Globalization;
using System.Text;
using Semitone.Abi;
using Semitone.Files;
using Semitone.Memory;

namespace Semitone.Kernel;

/// <summary>What programs resolve names by: /etc/resolv.conf, /etc/hosts and /etc/hostname, where the root has none.</summary>
/// <remarks>
/// A file that is there is the user's. One that was made here is made anew when a server tells something else. In a folder of the host
/// that is the root nothing is made: it would stay there.
/// </remarks>
internal sealed class ResolverFiles(MountNamespace mounts)
{
    private const Mode Permissions = (Mode)0x1A4; // rw-r--r--
    private const Mode DirectoryPermissions = (Mode)0x1ED; // rwxr-xr-x

    private readonly FileSystemContext _files = new(mounts, new FileCredentials()) { Umask = Mode.None };
    private bool _ownsResolver;

    /// <summary>Makes the files that are missing.</summary>
    /// <param name="nameServers">Addresses of IPv4, the first byte highest.</param>
    /// <param name="domain">What names are completed by; empty for nothing.</param>
    /// <param name="hostName">What the machine is called.</param>
    /// <param name="address">Its address; 0 for none.</param>
    internal void Make(ReadOnlySpan<uint> nameServers, string domain, string hostName, uint address)
    {
        StringBuilder resolver = new();
        if (domain.Length > 0)
        {
            resolver.Append("search ").Append(domain).Append('\n');
        }

        foreach (uint server in nameServers)
        {
            resolver.Append("nameserver ").Append(Format(server)).Append('\n');
        }

        // One that is there already, made by somebody else, stays as it is.
        if (nameServers.Length > 0)
        {
            _ownsResolver = TryWrite("/etc/resolv.conf"u8, resolver.ToString(), _ownsResolver) || _ownsResolver;
        }

        string own = address == 0 ? "" : $"{Format(address)}\t{(domain.Length > 0 ? $"{hostName}.{domain} " : "")}{hostName}\n";
        TryWrite("/etc/hosts"u8, $"127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n{own}", replaces: false);
        TryWrite("/etc/hostname"u8, hostName + "\n", replaces: false);
    }

    private static string Format(uint address) => string.Create(
        CultureInfo.InvariantCulture, $"{(byte)(address >> 24)}.{(byte)(address >> 16)}.{(byte)(address >> 8)}.{(byte)address}");

    /// <summary>Writes a file whose folder may be missing too.</summary>
    /// <returns>False when it was there, or there is no room for it: programs do without, as they would on a disk that is full.</returns>
    private bool TryWrite(ReadOnlySpan<byte> path, string text, bool replaces)
    {
        if (mounts.Root is not RamFileSystem)
        {
            return false;
        }

        OpenFlags flags = OpenFlags.O_WRONLY | OpenFlags.O_CREAT | OpenFlags.O_NOFOLLOW
            | (replaces ? OpenFlags.O_TRUNC : OpenFlags.O_EXCL);
        Errno error = _files.Open(_files.Root, path, flags, Permissions, out OpenFile? file);
        if (error == Errno.ENOENT)
        {
            error = _files.MakeDirectory(_files.Root, "/etc"u8, DirectoryPermissions);
            error = error == Errno.None ? _files.Open(_files.Root, path, flags, Permissions, out file) : error;
        }

        if (error != Errno.None)
        {
            return false;
        }

        IoCursor source = IoCursor.OverKernel(Encoding.ASCII.GetBytes(text));
        file!.Write(ref source);
        file.Release();
        return true;
    }
}

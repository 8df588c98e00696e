using System.Diagnostics.CodeAnalysis;
using Semitone.Abi;
using Semitone.Core;

namespace Semitone.Files;

/// <summary>How the file system of pseudo-terminals is mounted (mount(8), "Mount options for devpts").</summary>
/// <param name="Permissions">Those of a slave.</param>
/// <param name="MasterPermissions">Those of its ptmx.</param>
/// <param name="UserId">Whose the slaves are; null for whoever opens the master.</param>
/// <param name="GroupId">Their group; null for that of whoever opens the master.</param>
public sealed record PtsOptions(
    Mode Permissions = (Mode)0x180, Mode MasterPermissions = Mode.None, uint? UserId = null, uint? GroupId = null);

/// <summary>The pseudo-terminals, and the file system with the names of their slaves (pts(4)).</summary>
public sealed class PtsFileSystem : FileSystem
{
    /// <summary>Inodes: the directory, its ptmx, then the slaves by number.</summary>
    internal const ulong RootNumber = 1;
    internal const ulong MasterNumber = 2;
    internal const ulong FirstSlaveNumber = 3;

    /// <summary>What <see cref="Limit"/> can be at most: minor numbers have 20 bits.</summary>
    internal const uint GreatestLimit = 1 << 20;

    private const int DefaultLimit = 4096;

    private readonly PtsOptions _options;
    private readonly PtsDirectory _root;
    private PseudoTerminal?[] _pairs = new PseudoTerminal?[8];

    public PtsFileSystem(FileServices services, uint deviceMinor, PtsOptions options)
        : base(services, deviceMinor)
    {
        _options = options;
        _root = new PtsDirectory(this, options.MasterPermissions);
        services.PseudoTerminals = this;
        services.Devices.Register(MasterDevice.Number, new MasterDevice(this));
    }

    public override DirectoryInode Root => _root;

    public override string TypeName => "devpts";

    public override FileSystemMagic Magic => FileSystemMagic.DEVPTS_SUPER_MAGIC;

    /// <summary>Pairs that there are.</summary>
    public int Count { get; private set; }

    /// <summary>Pairs that there may be (kernel.pty.max).</summary>
    public int Limit { get; set; } = DefaultLimit;

    /// <inheritdoc/>
    public override string MountOptions
    {
        get
        {
            string owner = (_options.UserId is { } user ? $",uid={user}" : "") + (_options.GroupId is { } group ? $",gid={group}" : "");
            return $"{owner},mode={ToOctal(_options.Permissions)},ptmxmode={ToOctal(_options.MasterPermissions)}";
        }
    }

    /// <summary>Makes a pair.</summary>
    /// <returns>None; ENOSPC when there are as many as there may be, ENOMEM.</returns>
    internal Errno Add(out PseudoTerminal? pair)
    {
        pair = null;
        if (Count >= Limit)
        {
            return Errno.ENOSPC;
        }

        int number = Array.IndexOf(_pairs, null);
        if (!KernelHeap.HasRoom(PseudoTerminal.HeapBytes)
            || (number < 0 && !KernelHeap.TryResize(ref _pairs, _pairs.Length * 2, IntPtr.Size)))
        {
            return Errno.ENOMEM;
        }

        number = number < 0 ? Array.IndexOf(_pairs, null) : number;
        PseudoTerminal created;
        try
        {
            created = new PseudoTerminal(this, number);
        }
        catch (OutOfMemoryException)
        {
            // A pair is more than one object: what there is of it goes.
            return Errno.ENOMEM;
        }

        FileCredentials? maker = Services.Caller?.Credentials;
        created.Node = new SlaveInode(this, created, Mode.S_IFCHR | _options.Permissions)
        {
            UserId = _options.UserId ?? maker?.UserId ?? 0,
            GroupId = _options.GroupId ?? maker?.GroupId ?? 0,
            Parent = _root,
        };
        created.Node.SetTimes(NowNs);
        _pairs[number] = created;
        Count++;
        pair = created;
        return Errno.None;
    }

    /// <summary>Finds the pair whose slave has a name.</summary>
    internal bool TryGet(int number, [NotNullWhen(true)] out PseudoTerminal? pair)
    {
        pair = (uint)number < (uint)_pairs.Length && _pairs[number] is { HasMaster: true } found ? found : null;
        return pair is not null;
    }

    /// <summary>Finds the pair with the lowest number from one on whose slave has a name.</summary>
    internal bool TryGetNext(int from, [NotNullWhen(true)] out PseudoTerminal? pair)
    {
        for (int number = from; number < _pairs.Length; number++)
        {
            if (TryGet(number, out pair))
            {
                return true;
            }
        }

        pair = null;
        return false;
    }

    /// <summary>Takes a slave's name away.</summary>
    internal void RemoveName(PseudoTerminal pair)
    {
        Span<byte> name = stackalloc byte[PtsDirectory.LongestName];
        pair.Node.DropLink(name[..PtsDirectory.WriteName(pair.Number, name)]);
    }

    /// <summary>Forgets a pair that nobody has open: its number is free.</summary>
    internal void Forget(PseudoTerminal pair)
    {
        _pairs[pair.Number] = null;
        Count--;
    }

    private static string ToOctal(Mode mode) => Convert.ToString((int)mode, 8).PadLeft(3, '0');
}

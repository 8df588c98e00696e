namespace Semitone.BootParameters;

/// <summary>What the kernel command line asks for.</summary>
/// <remarks>Strings are bytes, as everywhere in the Linux ABI: nothing says that an argument is text.</remarks>
public sealed class BootOptions
{
    /// <summary>Bytes that the machine's name may have, sethostname(2).</summary>
    internal const int LongestHostName = 64;

    /// <summary>The first word: the kernel's own name.</summary>
    public byte[] KernelName { get; internal set; } = [];

    /// <summary>The program's argument vector, its name first; empty when the command line names no program.</summary>
    public List<byte[]> ProgramArguments { get; } = [];

    /// <summary>The program's environment (<c>env.vars</c>), in the order given.</summary>
    public List<byte[]> Environment { get; } = [];

    /// <summary>What to mount (<c>vfs.fstab</c>), in the order given.</summary>
    public List<MountEntry> Mounts { get; } = [];

    /// <summary>What the root is (<c>vfs.rootfs</c>): <c>9pfs</c>, or empty for the files of the initrd.</summary>
    public byte[] RootType { get; internal set; } = [];

    /// <summary>The tag of the share that is the root (<c>vfs.rootdev</c>); null for <c>fs0</c>.</summary>
    public byte[]? RootDevice { get; internal set; }

    /// <summary>The flags of mount(2) for the root (<c>vfs.rootflags</c>).</summary>
    public ulong RootFlags { get; internal set; }

    /// <summary>The options of the root's file system (<c>vfs.rootopts</c>).</summary>
    public byte[] RootOptions { get; internal set; } = [];

    /// <summary>What the network interfaces are called by (<c>netdev.ip</c>), in their order; null when nobody said.</summary>
    public List<InterfaceConfiguration>? Interfaces { get; internal set; }

    /// <summary>The address of the first interface in its older spelling (<c>netdev.ipv4_addr</c>); 0 when nobody said.</summary>
    public uint OldAddress { get; internal set; }

    /// <summary>The length of its network's part (<c>netdev.ipv4_subnet_mask</c>).</summary>
    public int OldPrefixLength { get; internal set; } = 24;

    /// <summary>Its router (<c>netdev.ipv4_gw_addr</c>); 0 when nobody said.</summary>
    public uint OldGateway { get; internal set; }

    /// <summary>Where virtio devices have their registers (<c>virtio_mmio.device</c>); null when nobody said.</summary>
    public List<DeviceWindow>? DeviceWindows { get; internal set; }

    /// <summary>What was not understood; boot goes on without it.</summary>
    public List<BootWarning> Warnings { get; } = [];

    /// <summary>The usage is asked for, and nothing is to be run.</summary>
    public bool Help { get; internal set; }

    /// <summary>Print every system call (<c>strace</c>).</summary>
    public bool Strace { get; internal set; }

    /// <summary>Print counters when the program has ended (<c>stats</c>).</summary>
    public bool Stats { get; internal set; }

    /// <summary>The line to the host carries the framing of Semitone.HostLink (<c>host.link</c>).</summary>
    public bool HostLink { get; internal set; }

    /// <summary>Randomise the addresses of programs (<c>random.aslr</c>).</summary>
    public bool RandomizeAddresses { get; internal set; } = true;

    /// <summary>The program's working directory (<c>program.workdir</c>); null when nobody said.</summary>
    public byte[]? WorkingDirectory { get; internal set; }

    /// <summary>Who the program runs as (<c>program.user</c>); null for root.</summary>
    public ProgramUser? User { get; internal set; }

    /// <summary>What uname(2) calls the machine (<c>system.hostname</c>); null when nobody said.</summary>
    public byte[]? HostName { get; internal set; }

    /// <summary>What descriptor 0 of the first program is (<c>console.stdin</c>).</summary>
    public StandardStream StandardInput { get; internal set; } = StandardStream.Tty;

    /// <summary>What descriptor 1 of the first program is (<c>console.stdout</c>).</summary>
    public StandardStream StandardOutput { get; internal set; } = StandardStream.Tty;

    /// <summary>What descriptor 2 of the first program is (<c>console.stderr</c>).</summary>
    public StandardStream StandardError { get; internal set; } = StandardStream.Tty;

    /// <summary>Width of the terminal in characters (<c>console.columns</c>); 0 when nobody said.</summary>
    public ushort Columns { get; internal set; }

    /// <summary>Height of the terminal in lines (<c>console.rows</c>); 0 when nobody said.</summary>
    public ushort Rows { get; internal set; }
}

namespace Semitone.BootParameters;

/// <summary>Every parameter that the kernel knows: what it is called, what it sets, and the line that explains it.</summary>
/// <remarks>To add one: a property in <see cref="BootOptions"/>, a line in <see cref="Apply"/>, a line in <see cref="Usage"/>, and a row in
/// docs/kernel-command-line.md. A test holds the three lists against each other. It is a chain of comparisons because it runs once, over
/// few parameters: a dictionary would cost more to build.</remarks>
public static class ParameterTable
{
    /// <summary>Explains the command line.</summary>
    public static ReadOnlySpan<byte> Usage =>
        """
        Usage: KERNEL [PARAMETER=VALUE]... -- PROGRAM [ARGUMENT]...
        A list is written [ A "B C" ]; a switch is true, on, yes, 1 or false, off, no, 0.
          env.vars=[ NAME=VALUE... ]    environment of the program
          vfs.fstab=[ DEVICE:PATH:TYPE[:FLAGS[:OPTIONS[:UKOPTS]]]... ]    what to mount
          vfs.rootfs=9pfs|initrd        what the root is: a folder that the host shares, or the files of the initrd (initrd)
          vfs.rootdev=TAG               with 9pfs, the share (fs0)
          vfs.rootflags=FLAGS           with it, flags of mount(2): 1 for read-only
          vfs.rootopts=OPTIONS          with it, options such as cache=loose
          strace=SWITCH                 print every system call
          stats=SWITCH                  print counters when the program has ended
          host.link=SWITCH              frame what goes to the host, for the semitone command
          console.stdin=tty|pipe|null   what the program's standard input is
          console.stdout=tty|pipe|null  what the program's standard output is
          console.stderr=tty|pipe|null  what the program's standard error is
          console.columns=N             width of the terminal
          console.rows=N                height of the terminal
          program.user=UID[:GID[:GROUP]...]    who the program runs as (root)
          program.workdir=DIRECTORY     where the program starts ($PWD, or /)
          system.hostname=NAME          what uname calls the machine (semitone)
          netdev.ip=CIDR[:GW[:DNS0[:DNS1[:HOST[:DOMAIN]]]]]    addresses of a network interface (DHCP)
          netdev.ipv4_addr=ADDRESS      the same in older spelling
          netdev.ipv4_subnet_mask=MASK  with it (255.255.255.0)
          netdev.ipv4_gw_addr=ADDRESS   with it
          virtio_mmio.device=SIZE@ADDRESS:INPUT    a virtio device's registers
          random.aslr=SWITCH            randomise the addresses of programs (on)
          help                          print this and stop

        """u8;

    internal static ReadOnlySpan<byte> Help => "help"u8;

    /// <summary>Sets what a parameter asks for; a value that it cannot have leaves the setting as it was.</summary>
    /// <returns>What is wrong with it; null when nothing is.</returns>
    internal static BootWarningKind? Apply(BootOptions options, Parameter parameter)
    {
        ReadOnlySpan<byte> name = parameter.Name;
        bool isGood = true;
        if (name.SequenceEqual("env.vars"u8))
        {
            isGood = parameter.HasValue;
            if (isGood)
            {
                options.Environment.Add(parameter.Value.ToArray());
            }
        }
        else if (name.SequenceEqual("vfs.fstab"u8))
        {
            isGood = MountEntry.TryParse(parameter.Value, out MountEntry? entry);
            if (isGood)
            {
                options.Mounts.Add(entry!);
            }
        }
        else if (name.StartsWith("vfs.root"u8))
        {
            return ApplyRoot(options, name["vfs.root".Length..], parameter);
        }
        else if (name.SequenceEqual("strace"u8))
        {
            options.Strace = parameter.ReadSwitch(options.Strace, out isGood);
        }
        else if (name.SequenceEqual("stats"u8))
        {
            options.Stats = parameter.ReadSwitch(options.Stats, out isGood);
        }
        else if (name.SequenceEqual("host.link"u8))
        {
            options.HostLink = parameter.ReadSwitch(options.HostLink, out isGood);
        }
        else if (name.SequenceEqual("console.stdin"u8))
        {
            options.StandardInput = parameter.ReadStream(options.StandardInput, out isGood);
        }
        else if (name.SequenceEqual("console.stdout"u8))
        {
            options.StandardOutput = parameter.ReadStream(options.StandardOutput, out isGood);
        }
        else if (name.SequenceEqual("console.stderr"u8))
        {
            options.StandardError = parameter.ReadStream(options.StandardError, out isGood);
        }
        else if (name.SequenceEqual("console.columns"u8))
        {
            options.Columns = parameter.ReadUInt16(options.Columns, out isGood);
        }
        else if (name.SequenceEqual("console.rows"u8))
        {
            options.Rows = parameter.ReadUInt16(options.Rows, out isGood);
        }
        else if (name.SequenceEqual("program.user"u8))
        {
            isGood = ProgramUser.TryParse(parameter.Value, out ProgramUser? user);
            options.User = isGood ? user : options.User;
        }
        else if (name.SequenceEqual("program.workdir"u8))
        {
            isGood = parameter.Value.StartsWith("/"u8);
            options.WorkingDirectory = isGood ? parameter.Value.ToArray() : options.WorkingDirectory;
        }
        else if (name.SequenceEqual("system.hostname"u8))
        {
            isGood = parameter.Value.Length is > 0 and <= BootOptions.LongestHostName;
            options.HostName = isGood ? parameter.Value.ToArray() : options.HostName;
        }
        else if (name.StartsWith("netdev."u8))
        {
            return ApplyNetwork(options, name["netdev.".Length..], parameter.Value);
        }
        else if (name.SequenceEqual("virtio_mmio.device"u8))
        {
            isGood = DeviceWindow.TryParse(parameter.Value, out DeviceWindow window);
            if (isGood)
            {
                (options.DeviceWindows ??= []).Add(window);
            }
        }
        else if (name.SequenceEqual("random.aslr"u8))
        {
            options.RandomizeAddresses = parameter.ReadSwitch(options.RandomizeAddresses, out isGood);
        }
        else if (name.SequenceEqual(Help))
        {
            options.Help = parameter.ReadSwitch(options.Help, out isGood);
        }
        else
        {
            return BootWarningKind.UnknownParameter;
        }

        return isGood ? null : BootWarningKind.BadValue;
    }

    private static BootWarningKind? ApplyRoot(BootOptions options, ReadOnlySpan<byte> name, Parameter parameter)
    {
        bool isGood = true;
        if (name.SequenceEqual("fs"u8))
        {
            isGood = parameter.Value.SequenceEqual("9pfs"u8) || parameter.Value.SequenceEqual("initrd"u8);
            options.RootType = isGood ? parameter.Value.ToArray() : options.RootType;
        }
        else if (name.SequenceEqual("dev"u8))
        {
            options.RootDevice = parameter.Value.ToArray();
        }
        else if (name.SequenceEqual("flags"u8))
        {
            isGood = Parameter.TryParseNumber(parameter.Value, out ulong flags);
            options.RootFlags = isGood ? flags : options.RootFlags;
        }
        else if (name.SequenceEqual("opts"u8))
        {
            options.RootOptions = parameter.Value.ToArray();
        }
        else
        {
            return BootWarningKind.UnknownParameter;
        }

        return isGood ? null : BootWarningKind.BadValue;
    }

    private static BootWarningKind? ApplyNetwork(BootOptions options, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        bool isGood;
        if (name.SequenceEqual("ip"u8))
        {
            isGood = InterfaceConfiguration.TryParse(value, out InterfaceConfiguration? address);
            if (isGood)
            {
                (options.Interfaces ??= []).Add(address!);
            }
        }
        else if (name.SequenceEqual("ipv4_addr"u8))
        {
            isGood = InterfaceConfiguration.TryParseAddress(value, out uint address);
            options.OldAddress = isGood ? address : options.OldAddress;
        }
        else if (name.SequenceEqual("ipv4_subnet_mask"u8))
        {
            isGood = InterfaceConfiguration.TryParseMask(value, out int prefix);
            options.OldPrefixLength = isGood ? prefix : options.OldPrefixLength;
        }
        else if (name.SequenceEqual("ipv4_gw_addr"u8))
        {
            isGood = InterfaceConfiguration.TryParseAddress(value, out uint gateway);
            options.OldGateway = isGood ? gateway : options.OldGateway;
        }
        else
        {
            return BootWarningKind.UnknownParameter;
        }

        return isGood ? null : BootWarningKind.BadValue;
    }
}

using System.CommandLine;
using System.CommandLine.Parsing;
using Semitone.BootParameters;
using Semitone.Cli.Machines;
using Semitone.Cli.Posix;
using Semitone.Cli.Qemu;
using Semitone.Cli.Running;

namespace Semitone.Cli.Commands;

/// <summary><c>semitone run</c>: its flags are kraft's.</summary>
internal sealed class RunCommand
{
    public const string Name = "run";

    public const string Examples =
        """
        Examples:
          semitone run ls -la /                                 a program of this machine: its libraries are found and packed
          semitone run ./script.sh                              a script, with its interpreter
          semitone run --rootfs root.tar.gz /bin/prog -x        a folder, or a tar or cpio archive, as root file system
          semitone run -M 256Mi -e DEBUG=1 --timeout 30 ./prog  more memory, a variable, and not for ever
          semitone run --strace ./prog < input 2> calls         every system call, as it happens
          semitone run --dry-run ./prog                         the QEMU command line, and nothing is started
          semitone run -p 8080:80 --rootfs root.tar /bin/server port 8080 of this machine leads to its port 80
          semitone run -d --name web ./server                   it lives on; then: ps, logs -f web, stop web, rm web


        """;

    /// <summary>What <c>--accel</c> is where it is not given.</summary>
    private const string AcceleratorVariable = "SEMITONE_ACCEL";

    private const string QuietVariable = "SEMITONE_QUIET";

    private static readonly Dictionary<char, string> s_bundled =
        new() { ['d'] = "--detach", ['i'] = "--interactive", ['t'] = "--tty" };

    /// <summary>As docker's.</summary>
    private static readonly TimeSpan s_stopTimeout = TimeSpan.FromSeconds(10);

    private readonly Argument<string[]> _program = new("BINARY")
    {
        Description =
            "The program: a binary or script of this machine, or with --rootfs a path in the root file system. All that follows it is its "
                + "own.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Option<string?> _rootfs = new("--rootfs", "--initrd")
    {
        Description = "Root file system: a folder, or a tar or cpio archive, compressed or not",
        HelpName = "DIR|FILE"
    };
    private readonly Option<string?> _rootfsType = new("--rootfs-type")
    {
        Description = "How the root file system gets there: initrd packs it; 9pfs shares the folder, and what is written stays there "
            + "[default: auto, which is initrd]",
        HelpName = "initrd|9pfs|auto"
    };
    private readonly Option<string?> _memory = new("--memory", "-M")
    {
        Description = "Memory of the machine [default: 64Mi and what the root file system takes]",
        HelpName = "SIZE"
    };
    private readonly Option<string[]> _environment =
        new("--env", "-e") { Description = "Environment variable; without =VALUE the value is the host's", HelpName = "KEY[=VALUE]" };
    private readonly Option<string[]> _environmentFiles =
        new("--env-file") { Description = "File of environment variables, a KEY=VALUE or KEY a line", HelpName = "FILE" };
    private readonly Option<string[]> _includes = new("--include")
    {
        Description = "Pack a file or folder of this machine too [default GUEST: the same path]",
        HelpName = "PATH[:GUEST]"
    };
    private readonly Option<string[]> _temporaryFolders = new("--tmpfs")
    {
        Description = "Have a folder of the guest in memory, over whatever is there (several times)",
        HelpName = "PATH[:mode=OCTAL]"
    };
    private readonly Option<string[]> _volumes = new("--volume", "-v")
    {
        Description = "Share a folder of this machine, as it changes",
        HelpName = "HOST:GUEST[:ro]"
    };
    private readonly Option<string[]> _ports = new("--port", "-p")
    {
        Description = "Let a port of this machine lead to the program's",
        HelpName = "HOST:GUEST[/tcp|udp]"
    };
    private readonly Option<string?> _network = new("--network")
    {
        Description = "user, none, or a bridge or TAP device of this machine, with the address there [default: user]",
        HelpName = "NAME[:IP/MASK[:GW[:DNS]]]"
    };
    private readonly Option<string?> _address = new("--ip") { Description = "Address of the machine on its network", HelpName = "IP/MASK" };
    private readonly Option<string?> _hardwareAddress = new("--mac") { Description = "Address of its network card", HelpName = "MAC" };
    private readonly Option<string?> _workingDirectory =
        new("--workdir", "-w") { Description = "Working directory of the program", HelpName = "DIR" };
    private readonly Option<string?> _user = new("--user", "-u")
    {
        Description = "User that the program runs as, by the root file system's /etc/passwd",
        HelpName = "NAME|UID[:GROUP]"
    };
    private readonly Option<string?> _hostName =
        new("--hostname") { Description = "Name of the machine, as uname tells it", HelpName = "NAME" };
    private readonly Option<bool> _verbose = new("--verbose", "-V") { Description = "List what is packed, and why" };
    private readonly Option<string?> _platform =
        new("--plat") { Description = "Platform: auto or qemu [default: auto]", HelpName = "NAME" };
    private readonly Option<string?> _architecture = new("--arch", "-m") { Description = "Architecture: x86_64", HelpName = "NAME" };
    private readonly Option<string?> _target =
        new("--target", "-t") { Description = "Target, such as qemu/x86_64-initrd-strace", HelpName = "TARGET" };
    private readonly Option<string?> _timeout =
        new("--timeout") { Description = "End the machine, with status 124, after this time (10, 500ms, 2m)", HelpName = "TIME" };
    private readonly Option<string?> _stopTimeout = new("--stop-timeout")
    {
        Description = "End the machine this long after SIGTERM or SIGHUP told the program to end [default: 10]",
        HelpName = "TIME"
    };
    private readonly Option<bool> _strace = new("--strace") { Description = "Print every system call" };
    private readonly Option<bool> _statistics = new("--stats") { Description = "Print the kernel's counters when the program has ended" };
    private readonly Option<bool> _quiet = new("--quiet", "-q") { Description = $"Say nothing but errors; {QuietVariable}=1 is the same" };
    private readonly Option<bool> _dryRun = new("--dry-run") { Description = "Print the QEMU command line and start nothing" };
    private readonly Option<string?> _keepInitrd =
        new("--keep-initrd") { Description = "Leave the packed root file system in this file", HelpName = "FILE" };
    private readonly Option<string?> _machine =
        new("--machine") { Description = "Board: microvm or q35 [default: microvm]", HelpName = "NAME" };
    private readonly Option<string?> _accelerator =
        new("--accel") { Description = $"kvm, tcg or auto [default: {AcceleratorVariable}, or auto]", HelpName = "NAME" };
    private readonly Option<bool> _noAcceleration = new("--disable-acceleration", "-W") { Description = "The same as --accel tcg" };
    private readonly Option<string?> _cpu = new("--cpu") { Description = "QEMU's CPU model [default: host or max]", HelpName = "MODEL" };
    private readonly Option<string[]> _kernelArguments =
        new("--kernel-arg", "-a") { Description = "Parameter for the kernel command line", HelpName = "PARAMETER" };
    private readonly Option<string?> _name =
        new("--name", "-n") { Description = "Name of the machine [default with --detach: one that is made up]", HelpName = "NAME" };
    private readonly Option<bool> _detach =
        new("--detach", "-d") { Description = "Let the machine live on; print its name when the program runs" };
    private readonly Option<bool> _noStart =
        new("--no-start") { Description = "Make the machine and print its name; semitone start starts it" };
    private readonly Option<bool> _remove = new("--rm") { Description = "Remove the machine when it has ended" };
    private readonly Option<bool> _interactive =
        new("--interactive", "-i") { Description = "With --detach: keep standard input open for semitone attach" };
    private readonly Option<bool> _terminal =
        new("--tty") { Description = "With --detach: standard streams are a terminal, for semitone attach" };
    private readonly Option<string?> _stopSignal = new("--stop-signal")
    {
        Description = "With --detach: what semitone stop tells the program to end by [default: TERM]",
        HelpName = "NAME"
    };

    private readonly Option[] _unsupported =
    [
        new Option<string>("--kraftfile", "-K"), new Option<string>("--prefix"), new Option<bool>("--prefix-name"),
        new Option<bool>("--symbolic"),
    ];

    /// <summary>The program and its arguments, once <see cref="TakeProgram"/> has found them.</summary>
    public string[] ProgramWords { get; private set; } = [];

    public RunCommand()
    {
        Command command = new(Name, "Run a Linux program in a virtual machine of its own");
        command.Aliases.Add("r");
        command.Add(_program);
        foreach (Option option in (Option[])
            [
                _detach, _name, _remove, _noStart, _interactive, _terminal, _stopSignal, _rootfs, _rootfsType, _memory, _environment,
                _environmentFiles, _includes, _volumes, _temporaryFolders, _ports, _network, _address, _hardwareAddress,
                _workingDirectory, _user, _hostName, _platform,
                _architecture, _target, _timeout, _stopTimeout,
                _strace, _statistics, _verbose, _quiet, _dryRun, _keepInitrd, _machine, _accelerator, _noAcceleration, _cpu,
                _kernelArguments,
            ])
        {
            // One value for each flag: what follows it is the next word of the command line.
            option.AllowMultipleArgumentsPerToken = false;
            command.Add(option);
        }

        foreach (Option option in _unsupported)
        {
            option.Hidden = true;
            command.Add(option);
        }

        command.SetAction(result => Run(Read(result)));
        Command = command;
    }

    public Command Command { get; }

    /// <summary>
    /// Takes the program and its arguments from a command line: they start at the first word that is neither a flag nor a flag's value.
    /// </summary>
    /// <remarks>
    /// Of a flag with one value the last counts, as in a script that adds to what it was given. A <c>--</c> before the program or right
    /// behind it only marks that border; any other is the program's own.
    /// </remarks>
    /// <param name="arguments">The command's.</param>
    /// <returns>What is left: ours.</returns>
    public string[] TakeProgram(string[] arguments)
    {
        if (arguments.Length == 0 || (arguments[0] != Command.Name && !Command.Aliases.Contains(arguments[0])))
        {
            return arguments;
        }

        List<(Option? Flag, string[] Words)> own = [];
        int start = 1;
        while (start < arguments.Length && arguments[start].StartsWith('-') && arguments[start] is not ("-" or "--"))
        {
            if (IsDockersBundle(arguments[start]))
            {
                own.AddRange(arguments[start++].Skip(1).Select(letter => (default(Option), (string[])[s_bundled[letter]])));
                continue;
            }

            Option? flag = FindOption(arguments[start]);
            int end = Math.Min(start + (TakesNextWord(arguments[start]) ? 2 : 1), arguments.Length);
            if (flag?.ValueType == typeof(string))
            {
                own.RemoveAll(earlier => earlier.Flag == flag);
            }

            own.Add((flag, arguments[start..end]));
            start = end;
        }

        string[] words = arguments[start..];
        ProgramWords = words switch
        {
            ["--", .. string[] program] => program,
            [string program, "--", .. string[] rest] => [program, .. rest],
            _ => words,
        };
        return [arguments[0], .. own.SelectMany(flag => flag.Words)];
    }

    /// <summary>
    /// Tells whether a word is docker's <c>-it</c> or <c>-dit</c>, which fingers type by themselves: elsewhere -t is kraft's --target.
    /// </summary>
    private static bool IsDockersBundle(string word) =>
        word.Length > 2 && word.AsSpan(1).IndexOfAnyExcept("dit") < 0 && word.Contains('i', StringComparison.Ordinal);

    /// <summary>Finds the flag that a word is, with <c>--flag=value</c> and <c>-Mvalue</c> too.</summary>
    private Option? FindOption(string word)
    {
        string name = word.StartsWith("--", StringComparison.Ordinal) ? word.Split('=')[0] : word[..2];
        return Command.Options.FirstOrDefault(option => option.Name == name || option.Aliases.Contains(name));
    }

    /// <summary>
    /// Tells whether a flag's value is the word behind it: not with <c>--flag=value</c> or <c>-Mvalue</c>, and not for a switch.
    /// </summary>
    private bool TakesNextWord(string flag) =>
        Command.Options.FirstOrDefault(option => option.Name == flag || option.Aliases.Contains(flag)) is { } option
            && option.ValueType != typeof(bool);

    private static int Run(RunRequest request)
    {
        if (request.DryRun || (!request.IsDetached && !request.StartsLater))
        {
            return Runner.Run(request);
        }

        (MachineFolder folder, MachineRecord record) = MachineMaker.Make(MachineStore.OfUser, request);
        if (!request.StartsLater)
        {
            MachineControl.Start(folder);
        }

        MachineArguments.Print(record.Name);
        return 0;
    }

    private RunRequest Read(ParseResult result)
    {
        foreach (Option option in _unsupported)
        {
            if (result.GetResult(option) is { Implicit: false })
            {
                throw Wrong($"{option.Name} is not supported yet");
            }
        }

        string[] named = result.GetValue(_program) ?? [];
        if (Array.Find(named, word => word.StartsWith('-') && word.Length > 1) is { } unknown)
        {
            string known = Spelling.Suggest(unknown.Split('=')[0], result.CommandResult.Command.Options.Where(
                option => !option.Hidden).SelectMany(option => option.Aliases.Prepend(option.Name)));
            throw Wrong($"unknown flag '{unknown}'{(known.Length > 0 ? known : "; the program's own flags stand behind it")}");
        }

        string[] words = ProgramWords;
        string? root = result.GetValue(_rootfs);
        if (root is "" || result.GetValue(_keepInitrd) is "")
        {
            throw Wrong($"{(root is "" ? "--rootfs" : "--keep-initrd")}: the name is empty");
        }

        foreach (string argument in result.GetValue(_kernelArguments) ?? [])
        {
            CheckKernelArgument(argument);
        }

        if (words.Length == 0)
        {
            throw Wrong(root is null
                ? "name a program: semitone run PROGRAM ARGUMENTS"
                : "name a program in the root file system: semitone run --rootfs DIR /bin/prog");
        }

        if (root is null && words[0].Contains('/') && HostFile.IsFolder(words[0]))
        {
            throw Wrong(
                $"{words[0]} is a folder: projects (Kraftfile) are not supported yet; to run a program in it, say --rootfs "
                    + $"{words[0]} /path/of/program");
        }

        Target target = ReadTarget(result);
        CheckPlatform(result);
        bool sharesRoot = ReadRootType(result, target, root);
        return new RunRequest
        {
            Program = words[0],
            Arguments = words[1..],
            RootFileSystem = root,
            SharesRoot = sharesRoot,
            MemoryBytes = ReadMemory(result),
            MemoryText = result.GetValue(_memory),
            Environment =
            [
                .. (result.GetValue(_environmentFiles) ?? []).SelectMany(EnvironmentFile.Read),
                .. (result.GetValue(_environment) ?? []).Select(CheckVariable),
            ],
            Includes = [.. (result.GetValue(_includes) ?? []).Select(IncludedPath.Parse)],
            Volumes =
            [
                .. sharesRoot ? (Volume[])[Volume.OfRoot(root!)] : [],
                .. (result.GetValue(_volumes) ?? []).Select(Volume.Parse),
            ],
            TemporaryFolders = [.. (result.GetValue(_temporaryFolders) ?? []).Select(TemporaryFolder.Parse)],
            Network = MachineNetwork.Parse(
                result.GetValue(_network),
                result.GetValue(_address),
                result.GetValue(_hardwareAddress),
                result.GetValue(_ports) ?? [],
                MachineNetwork.DetectKind),
            WorkingDirectory = ReadWorkingDirectory(result),
            User = result.GetValue(_user),
            HostName = ReadHostName(result),
            Verbose = result.GetValue(_verbose),
            KernelArguments = result.GetValue(_kernelArguments) ?? [],
            Machine = result.GetValue(_machine) switch
            {
                null or "microvm" => MachineType.MicroVm,
                "q35" => MachineType.Q35,
                "pc" => throw Wrong("--machine: QEMU's pc, the i440FX of 1996, is not supported; there are microvm and q35"),
                string other => throw Wrong($"--machine: unknown board '{other}'; there are microvm and q35"),
            },
            Accelerator = ReadAccelerator(result),
            CpuModel = result.GetValue(_cpu),
            Name = ReadName(result),
            IsDetached = result.GetValue(_detach),
            StartsLater = result.GetValue(_noStart),
            RemovesItself = result.GetValue(_remove),
            IsInteractive = result.GetValue(_interactive),
            HasTerminal = result.GetValue(_terminal),
            StopSignal = result.GetValue(_stopSignal) is { } signal ? SignalText.Parse("--stop-signal", signal) : LibC.SIGTERM,
            Timeout = ReadTime(result, _timeout),
            StopTimeout = ReadTime(result, _stopTimeout) ?? s_stopTimeout,
            Strace = result.GetValue(_strace) || target.Strace,
            Statistics = result.GetValue(_statistics),
            Quiet = result.GetValue(_quiet) || HostEnvironment.Get(QuietVariable) is { Length: > 0 } and not "0",
            DryRun = result.GetValue(_dryRun),
            KeepInitialRamDisk = result.GetValue(_keepInitrd),
        };
    }

    private string? ReadName(ParseResult result)
    {
        string? name = result.GetValue(_name);
        return name is null || MachineName.IsValid(name)
            ? name
            : throw Wrong($"--name: '{name}' cannot be a name: it has letters, digits, and after the first of these _ . - too");
    }

    private static string CheckVariable(string variable) => variable is "" or ['=', ..]
        ? throw Wrong($"--env: '{variable}' names no variable; write KEY=VALUE, or KEY alone for the host's value")
        : variable;

    private Target ReadTarget(ParseResult result)
    {
        if (result.GetValue(_target) is not { } text)
        {
            return default;
        }

        return Target.TryParse(text, out Target target, out string? problem) ? target : throw Wrong(problem!);
    }

    /// <summary>Tells whether the root is shared rather than packed.</summary>
    private bool ReadRootType(ParseResult result, Target target, string? root)
    {
        bool shares = result.GetValue(_rootfsType) switch
        {
            null or "auto" => target.SharesRoot ?? false,
            "initrd" => false,
            "9pfs" => true,
            string other => throw Wrong($"--rootfs-type: '{other}' is none; there are initrd, 9pfs and auto"),
        };
        return !shares || root is not null
            ? shares
            : throw Wrong("to share a root (9pfs), say which folder: --rootfs DIR");
    }

    private void CheckPlatform(ParseResult result)
    {
        switch (result.GetValue(_platform))
        {
            case null or "auto" or "qemu" or "kvm":
                break;
            case "fc" or "firecracker":
                throw Wrong("--plat: Firecracker is not supported yet; use qemu");
            case string other:
                throw Wrong($"--plat: unknown platform '{other}'; there is qemu");
        }

        if (result.GetValue(_architecture) is { } architecture and not ("x86_64" or "amd64"))
        {
            throw Wrong($"--arch: unknown architecture '{architecture}'; there is x86_64");
        }
    }

    private long? ReadMemory(ParseResult result)
    {
        if (result.GetValue(_memory) is not { } text)
        {
            return null;
        }

        if (!MemorySize.TryParse(text, out long bytes))
        {
            throw Wrong($"--memory: '{text}' is no size; write 64Mi, 1.5G, 512MB or a number of bytes");
        }

        string hint = text.All(char.IsAsciiDigit) && bytes > 0 ? $"; a number alone counts bytes: write {text}Mi" : "";
        return bytes >= 1 << 20 ? bytes : throw Wrong($"--memory: {text} is less than 1Mi{hint}");
    }

    private string? ReadWorkingDirectory(ParseResult result) => result.GetValue(_workingDirectory) switch
    {
        null => null,
        ['/', ..] path => path,
        string path => throw Wrong($"--workdir: '{path}' is no absolute path"),
    };

    private string? ReadHostName(ParseResult result)
    {
        // sethostname(2).
        const int LongestName = 64;
        string? name = result.GetValue(_hostName);
        return name is null || (name.Length > 0 && HostText.ToBytes(name).Length <= LongestName)
            ? name
            : throw Wrong($"--hostname: a name has 1 to {LongestName} bytes");
    }

    private Accelerator? ReadAccelerator(ParseResult result)
    {
        Accelerator? flag = ParseAccelerator("--accel", result.GetValue(_accelerator));
        if (result.GetValue(_noAcceleration))
        {
            return flag == Accelerator.Kvm ? throw Wrong("--disable-acceleration contradicts --accel kvm") : Accelerator.Tcg;
        }

        return result.GetValue(_accelerator) is null ? ReadAcceleratorVariable() : flag;
    }

    /// <summary>Reads what stands for the flag where that is not given.</summary>
    internal static Accelerator? ReadAcceleratorVariable() =>
        ParseAccelerator(AcceleratorVariable, HostEnvironment.Get(AcceleratorVariable));

    /// <summary>Reads the value of the flag, or of the variable that stands for it.</summary>
    /// <returns>Null for the better one that works.</returns>
    private static Accelerator? ParseAccelerator(string origin, string? value) => value switch
    {
        null or "" or "auto" => null,
        "kvm" => Accelerator.Kvm,
        "tcg" => Accelerator.Tcg,
        string other => throw Wrong($"{origin}: unknown accelerator '{other}'; there are kvm, tcg and auto"),
    };

    private static TimeSpan? ReadTime(ParseResult result, Option<string?> option)
    {
        if (result.GetValue(option) is not { } text)
        {
            return null;
        }

        return DurationText.TryParse(text, out TimeSpan time)
            ? time
            : throw Wrong($"{option.Name}: '{text}' is no length of time; write 10, 500ms, 2m or 1h");
    }

    /// <summary>A parameter stands among ours: it must not take the words behind it in, nor end the parameters.</summary>
    private static void CheckKernelArgument(string argument)
    {
        BootOptions options = KernelCommandLine.Parse(HostText.ToBytes("semitone " + argument + " -- /program"));
        bool isWhole = options.ProgramArguments.Count == 1 && options.ProgramArguments[0].AsSpan().SequenceEqual("/program"u8);
        if (!isWhole || options.Warnings.Any(warning => warning.Kind == BootWarningKind.Unterminated))
        {
            throw Wrong($"--kernel-arg: '{argument}' is no parameter: a quote or list is left open, or `--` stands in it");
        }
    }

    private static CommandFailedException Wrong(string message) => new(ExitStatus.Usage, message);
}

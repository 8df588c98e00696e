using System.Buffers.Binary;
using System.Runtime.ExceptionServices;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Fakes;
using Semitone.Files;
using Semitone.Loader;
using Semitone.Machine;
using Semitone.Memory;
using Semitone.Syscalls;
using Semitone.Tasks;

namespace Semitone.Unit.Tasks;

/// <summary>A whole system on the fake machine with one small program, whose threads play scripts.</summary>
internal sealed class Guest
{
    /// <summary>Where the program lies: 64 KiB that may be read, written and executed.</summary>
    public const ulong Base = 0x40_0000;

    /// <summary>Free memory of the program, for arguments of calls.</summary>
    public const ulong Data = Base + 0x2000;

    /// <summary>A page that the program may use as a stack.</summary>
    public const ulong StackTop = Base + 0x1_0000;

    private const ulong Entry = Base + 0x1000;
    private const ulong ExitNumber = 60;

    private readonly Dictionary<IGuestContext, ThreadScript> _scripts = new(ReferenceEqualityComparer.Instance);

    public Guest(Func<SyscallDispatcher, ISyscallEntryFactory>? factory = null, Strace? strace = null)
    {
        Machine = new FakeMachine();
        Machine.Clock.MonotonicNs = 1_000_000_000;
        Executor executor = new(Machine.Cpu, Machine.Clock);
        FramePool frames = new(Machine.Frames);
        FileServices files = new(frames, new Timekeeper(Machine.Clock), new RandomGenerator(Machine));
        RamFileSystem root = new(files, 1);
        Vdso vdso = new(Machine, frames, 1);
        Dispatcher = new SyscallDispatcher(strace);
        Log = new KernelLog(Machine.Console, Machine.Clock);
        System = new SystemState(new SystemParts
        {
            Machine = Machine,
            Executor = executor,
            Log = Log,
            Files = files,
            Loader = new ProgramLoader(Machine, frames, vdso),
            Vdso = vdso,
            Syscalls = factory?.Invoke(Dispatcher) ?? new SyscallContextFactory(Dispatcher),
        });
        FileSystemContext fileSystem = new(new MountNamespace(files, root), new FileCredentials());
        Install(fileSystem, "/hello");
        Install(fileSystem, "/other");
        InitialProgram program = new()
        {
            Path = "/hello"u8.ToArray(),
            Arguments = ["hello"u8.ToArray()],
            Environment = [],
            Randomize = false,
        };
        Errno error = System.CreateInit(program, fileSystem, new FileTable(), out Process? process, out LoadFailure failure);
        Assert.True(error == Errno.None, failure.ToString());
        Process = process!;
        Machine.Cpu.WhenScriptEnds = (context, _) =>
        {
            if (!_scripts.ContainsKey(context) && FindThread(context) is { } child && Children.TryDequeue(out var play))
            {
                play(child, Script(context));
                return FakeCpu.Interrupt();
            }

            Script(context).Collect(context);
            return FakeCpu.SystemCall(context, ExitNumber);
        };
        Main = Script(Process.Threads[0]);
    }

    /// <summary>What new processes do: each takes the next script at its first step.</summary>
    public Queue<Action<GuestThread, ThreadScript>> Children { get; } = new();

    public FakeMachine Machine { get; }

    public SystemState System { get; }

    public KernelLog Log { get; }

    public SyscallDispatcher Dispatcher { get; }

    public Process Process { get; }

    public UserMemory Memory => Process.AddressSpace.Memory;

    /// <summary>The script of the first thread.</summary>
    public ThreadScript Main { get; }

    public GuestThread MainThread => Process.Threads[0];

    /// <summary>Everything that was written to the console.</summary>
    public string Console => Machine.Console.OutputText;

    public ThreadScript Script(GuestThread thread) => Script(thread.Context);

    public ThreadScript Script(IGuestContext context)
    {
        if (!_scripts.TryGetValue(context, out ThreadScript? script))
        {
            script = new ThreadScript(this, context);
            _scripts.Add(context, script);
        }

        return script;
    }

    /// <summary>Finds the first thread of a process that is not the first one.</summary>
    private GuestThread? FindThread(IGuestContext context)
    {
        for (int id = 1; System.Threads.TryGetNext(id, out id, out GuestThread? thread); id++)
        {
            if (thread.Context == context && thread.Process != Process)
            {
                return thread;
            }
        }

        return null;
    }

    /// <summary>Runs until the process has ended.</summary>
    public ExitStatus Run()
    {
        ExitStatus status = System.RunInit();

        // What fails inside a step looks like a bug of the kernel to the kernel, which reports it and goes on.
        if (Failure is not null)
        {
            ExceptionDispatchInfo.Throw(Failure);
        }

        return status;
    }

    /// <summary>What the first step that failed threw.</summary>
    public Exception? Failure { get; set; }

    public T Read<T>(ulong address)
        where T : unmanaged
    {
        Assert.True(Memory.TryRead(new UserPtr<T>(address), out T value));
        return value;
    }

    public void Write<T>(ulong address, T value)
        where T : unmanaged => Assert.True(Memory.TryWrite(new UserPtr<T>(address), value));

    private static void Install(FileSystemContext files, string path)
    {
        Errno error = files.Open(
            files.Root,
            global::System.Text.Encoding.UTF8.GetBytes(path),
            OpenFlags.O_CREAT | OpenFlags.O_RDWR,
            (Mode)0x1ED,
            out OpenFile? file);
        Assert.Equal(Errno.None, error);
        IoCursor cursor = IoCursor.OverKernel(MakeProgram());
        Assert.Equal(0x2000, file!.Write(ref cursor).Bytes);
        file.Release();
    }

    /// <summary>Makes a static ELF file of one segment.</summary>
    internal static byte[] MakeProgram()
    {
        byte[] file = new byte[0x2000];
        "\u007fELF"u8.CopyTo(file);
        file[4] = 2;
        file[5] = 1;
        file[6] = 1;
        Put16(16, 2);
        Put16(18, 62);
        Put32(20, 1);
        Put64(24, Entry);
        Put64(32, 64);
        Put16(52, 64);
        Put16(54, 56);
        Put16(56, 1);
        Put32(64, 1);
        Put32(68, 7);
        Put64(72, 0);
        Put64(80, Base);
        Put64(88, Base);
        Put64(96, 0x2000);
        Put64(104, 0x1_0000);
        Put64(112, 0x1000);
        return file;

        void Put16(int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(offset), value);
        void Put32(int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(offset), value);
        void Put64(int offset, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(offset), value);
    }
}

/// <summary>What one thread does, and what its calls answered.</summary>
internal sealed class ThreadScript(Guest guest, IGuestContext context)
{
    private bool _isCalling;

    public List<long> Results { get; } = [];

    /// <summary>Adds a system call.</summary>
    public ThreadScript Call(SyscallNumber number, ulong a0 = 0, ulong a1 = 0, ulong a2 = 0, ulong a3 = 0, ulong a4 = 0, ulong a5 = 0)
    {
        guest.Machine.Cpu.Enqueue(context, (self, _) =>
        {
            Collect(self);
            _isCalling = true;
            return FakeCpu.SystemCall(self, (ulong)number, a0, a1, a2, a3, a4, a5);
        });
        return this;
    }

    /// <summary>Adds a look at the machine that the guest does not notice.</summary>
    public ThreadScript Do(Action action) => Trap(() =>
    {
        action();
        return FakeCpu.Interrupt();
    });

    /// <summary>Adds a trap.</summary>
    public ThreadScript Trap(Func<Trap> trap)
    {
        guest.Machine.Cpu.Enqueue(context, (self, _) =>
        {
            Collect(self);
            try
            {
                return trap();
            }
            catch (Exception exception)
            {
                guest.Failure ??= exception;
                throw;
            }
        });
        return this;
    }

    /// <summary>Adds the return from a signal handler: RET, and then rt_sigreturn.</summary>
    public ThreadScript ReturnFromHandler()
    {
        guest.Machine.Cpu.Enqueue(context, (self, _) =>
        {
            Collect(self);
            self.Registers.Rsp += sizeof(ulong);
            return FakeCpu.SystemCall(self, (ulong)SyscallNumber.rt_sigreturn);
        });
        return this;
    }

    /// <summary>Takes the result of the last call.</summary>
    public void Collect(IGuestContext self)
    {
        if (_isCalling)
        {
            Results.Add((long)self.Registers.Rax);
            _isCalling = false;
        }
    }
}

using Semitone.Machine;

namespace Semitone.Fakes;

/// <summary>
/// What a scripted guest does in one stretch of running: it may look at and change its registers and memory, and says why it stops.
/// </summary>
public delegate Trap GuestStep(IGuestContext context, IPageTable pageTable);

/// <summary>A CPU that plays a script instead of running code.</summary>
/// <remarks>Steps queued for a thread are played by that thread; the common queue serves threads that have none of their own.
/// When the alarm is due, <see cref="Run"/> returns an interrupt first, as the timer would have it.</remarks>
public sealed class FakeCpu : ICpu
{
    private readonly FakeClock _clock;
    private readonly Queue<GuestStep> _common = new();
    private readonly Dictionary<IGuestContext, Queue<GuestStep>> _perThread = new(ReferenceEqualityComparer.Instance);

    public FakeCpu(FakeClock clock)
    {
        _clock = clock;
    }

    /// <summary>When the alarm is due; <see cref="long.MaxValue"/> for never.</summary>
    public long AlarmNs { get; private set; } = long.MaxValue;

    /// <summary>Nanoseconds that each stretch of running takes.</summary>
    public long StepNs { get; set; }

    public int RunCount { get; private set; }

    public int IdleCount { get; private set; }

    /// <summary>What a guest does when its script is over; by default the test fails.</summary>
    public GuestStep? WhenScriptEnds { get; set; }

    /// <summary>What happens while the CPU is idle; by default time passes until the alarm.</summary>
    public Action? OnIdle { get; set; }

    /// <summary>How often <see cref="TryAllowSupervisorAccess"/> has something to give up.</summary>
    public int SupervisorChecks { get; set; }

    /// <summary>Page table of the last run.</summary>
    public IPageTable? CurrentPageTable { get; private set; }

    /// <summary>The thread of the last run.</summary>
    public IGuestContext? CurrentContext { get; private set; }

    /// <summary>Adds a step for whichever thread runs next.</summary>
    public void Enqueue(GuestStep step) => _common.Enqueue(step);

    /// <summary>Adds a step of one thread.</summary>
    public void Enqueue(IGuestContext thread, GuestStep step)
    {
        if (!_perThread.TryGetValue(thread, out Queue<GuestStep>? steps))
        {
            steps = new Queue<GuestStep>();
            _perThread.Add(thread, steps);
        }

        steps.Enqueue(step);
    }

    /// <summary>Adds a system call for whichever thread runs next.</summary>
    public void EnqueueSystemCall(ulong number, ulong a0 = 0, ulong a1 = 0, ulong a2 = 0, ulong a3 = 0, ulong a4 = 0, ulong a5 = 0) =>
        Enqueue((context, _) => SystemCall(context, number, a0, a1, a2, a3, a4, a5));

    /// <summary>Sets the registers as a guest does before SYSCALL.</summary>
    public static Trap SystemCall(
        IGuestContext context, ulong number, ulong a0 = 0, ulong a1 = 0, ulong a2 = 0, ulong a3 = 0, ulong a4 = 0, ulong a5 = 0)
    {
        ref GuestRegisters registers = ref context.Registers;
        registers.Rax = number;
        registers.OrigRax = number;
        registers.Rdi = a0;
        registers.Rsi = a1;
        registers.Rdx = a2;
        registers.R10 = a3;
        registers.R8 = a4;
        registers.R9 = a5;
        return new Trap(TrapKind.SystemCall, 0, 0, 0);
    }

    public static Trap PageFault(ulong address, PageFaultFlags flags) =>
        new(TrapKind.PageFault, 14, (uint)(flags | PageFaultFlags.User), address);

    public static Trap Interrupt() => new(TrapKind.Interrupt, 0, 0, 0);

    public Trap LastTrap { get; private set; }

    public TrapKind Run(IGuestContext context, IPageTable pageTable)
    {
        LastTrap = Play(context, pageTable);
        return LastTrap.Kind;
    }

    public bool TryAllowSupervisorAccess() => SupervisorChecks > 0 && SupervisorChecks-- > 0;

    public void Idle()
    {
        IdleCount++;
        if (OnIdle is not null)
        {
            OnIdle();
            return;
        }

        if (AlarmNs == long.MaxValue)
        {
            throw new InvalidOperationException("The CPU sleeps with no alarm set: nothing would ever wake it.");
        }

        _clock.MonotonicNs = Math.Max(_clock.MonotonicNs, AlarmNs);
        AlarmNs = long.MaxValue;
    }

    public void SetAlarm(long monotonicNs) => AlarmNs = monotonicNs;

    private Trap Play(IGuestContext context, IPageTable pageTable)
    {
        RunCount++;
        CurrentPageTable = pageTable;
        CurrentContext = context;
        if (_clock.MonotonicNs >= AlarmNs)
        {
            AlarmNs = long.MaxValue;
            return Interrupt();
        }

        GuestStep? step = null;
        if (!(_perThread.TryGetValue(context, out Queue<GuestStep>? steps) && steps.TryDequeue(out step)) && !_common.TryDequeue(out step))
        {
            step = WhenScriptEnds ?? throw new InvalidOperationException("The script of the guest is over, and the kernel still runs it.");
        }

        Trap trap = step(context, pageTable);
        _clock.Advance(StepNs);
        return trap;
    }
}

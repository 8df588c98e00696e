using Semitone.Abi;
using Semitone.Fakes;
using Semitone.Machine;
using Semitone.Unit.Tasks;

namespace Semitone.Unit.Exhaustion;

/// <summary>A system call that a program is to make.</summary>
internal readonly record struct Call(SyscallNumber Number, ulong A0, ulong A1, ulong A2, ulong A3, ulong A4, ulong A5);

/// <summary>A program whose every call may meet a kernel without memory. A call that was refused for it is made again.</summary>
internal sealed class ScenarioProgram
{
    /// <summary>Paths that scenarios use, and that are removed at the end.</summary>
    public static readonly string[] Paths = ["/d/e/f", "/d/f", "/d/g", "/d/s", "/d/e", "/d", "/f", "/g", "/h", "/s", "/p", "/n"];

    private readonly Dictionary<IGuestContext, Thread> _threads = new(ReferenceEqualityComparer.Instance);
    private readonly Queue<IEnumerator<Call>> _newThreads = new();
    private ulong _nextText = Guest.Data + 0x1000;

    public ScenarioProgram(Guest guest, Func<ScenarioProgram, IEnumerable<Call>> main)
    {
        Guest = guest;
        _newThreads.Enqueue(main(this).GetEnumerator());
        guest.Machine.Cpu.WhenScriptEnds = (context, _) => Next(context);
    }

    public Guest Guest { get; }

    /// <summary>What the last call answered.</summary>
    public long Result { get; private set; }

    /// <summary>What all calls answered, with their names.</summary>
    public List<string> Results { get; } = [];

    /// <summary>Which calls were made.</summary>
    public HashSet<SyscallNumber> Made { get; } = [];

    /// <summary>Which of them have succeeded at least once.</summary>
    public HashSet<SyscallNumber> Succeeded { get; } = [];

    /// <summary>Errors that a kernel without memory may answer. brk(2) has none: it answers where the heap ends.</summary>
    private static bool IsRefusal(Call call, long result) => call.Number == SyscallNumber.brk
        ? call.A0 != 0 && (ulong)result != call.A0
        : -result is (long)Errno.ENOMEM or (long)Errno.EAGAIN or (long)Errno.ENFILE or (long)Errno.ENOSPC or (long)Errno.ENOLCK
            or (long)Errno.ENOBUFS or (long)Errno.E2BIG;

    /// <summary>Makes a call.</summary>
    public static Call Do(SyscallNumber number, ulong a0 = 0, ulong a1 = 0, ulong a2 = 0, ulong a3 = 0, ulong a4 = 0, ulong a5 = 0) =>
        new(number, a0, a1, a2, a3, a4, a5);

    /// <summary>Puts a text into the program's memory.</summary>
    /// <returns>Its address.</returns>
    public ulong Text(string text)
    {
        byte[] bytes = System.Text.Encoding.UTF8.GetBytes(text + "\0");
        ulong address = _nextText;
        _nextText += (ulong)(bytes.Length + 7) & ~7UL;
        Assert.Equal(bytes.Length, Guest.Memory.CopyOut(address, bytes));
        return address;
    }

    /// <summary>Says what the next thread that is made does.</summary>
    public void Prepare(IEnumerable<Call> thread) => _newThreads.Enqueue(thread.GetEnumerator());

    private Trap Next(IGuestContext context)
    {
        AllocationFault.Watch(false);
        if (!_threads.TryGetValue(context, out Thread? thread))
        {
            thread = new Thread(_newThreads.Dequeue());
            _threads.Add(context, thread);
        }

        if (thread.Current is { } last)
        {
            Result = (long)context.Registers.Rax;
            if (IsRefusal(last, Result) && thread.FaultsBefore != AllocationFault.HasFired)
            {
                // It was refused for the fault: nothing may have changed, so it is made once more.
                thread.FaultsBefore = AllocationFault.HasFired;
                return Make(context, last);
            }

            Results.Add($"{last.Number}={Result}");
            if (Result >= 0)
            {
                Succeeded.Add(last.Number);
            }
        }

        thread.FaultsBefore = AllocationFault.HasFired;
        thread.Current = thread.Calls.MoveNext() ? thread.Calls.Current : Do(SyscallNumber.exit);
        return Make(context, thread.Current.Value);
    }

    private Trap Make(IGuestContext context, Call call)
    {
        Made.Add(call.Number);
        if (call.Number == SyscallNumber.rt_sigreturn)
        {
            context.Registers.Rsp += sizeof(ulong); // the handler's RET to the restorer
        }

        Trap trap = FakeCpu.SystemCall(context, (ulong)call.Number, call.A0, call.A1, call.A2, call.A3, call.A4, call.A5);
        AllocationFault.Watch(true);
        return trap;
    }

    private sealed class Thread(IEnumerator<Call> calls)
    {
        public IEnumerator<Call> Calls { get; } = calls;

        public Call? Current { get; set; }

        /// <summary>Whether the fault had come when the call began.</summary>
        public bool FaultsBefore { get; set; }
    }
}

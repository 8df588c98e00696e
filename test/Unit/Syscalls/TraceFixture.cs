using System.Text;
using Semitone.Abi;
using Semitone.Machine;
using Semitone.Memory;
using Semitone.Syscalls;
using Semitone.Unit.Memory;

namespace Semitone.Unit.Syscalls;

/// <summary>A guest's memory with a tracer that looks into it.</summary>
internal sealed class TraceFixture : ITraceOutput, IDisposable
{
    private readonly MemoryFixture _memory = new();
    private readonly Strace _strace;
    private readonly StringBuilder _output = new();
    private ulong _next;

    public TraceFixture(bool showsThread = false)
    {
        _strace = new Strace(this) { ShowsThread = showsThread };
        _next = _memory.Map(4);
    }

    public UserMemory Memory => _memory.Memory;

    /// <summary>Everything that was written.</summary>
    public string Output => _output.ToString();

    public ulong Put(ReadOnlySpan<byte> bytes)
    {
        ulong address = _next;
        Assert.True(Memory.TryWrite(new UserPtr<byte>(address), bytes));
        _next += ((ulong)bytes.Length + 15) & ~15UL;
        return address;
    }

    public ulong PutString(string text) => Put(Encoding.UTF8.GetBytes(text + '\0'));

    public ulong Put<T>(T value)
        where T : unmanaged
    {
        ulong address = _next;
        Assert.True(Memory.TryWrite(new UserPtr<T>(address), value));
        _next += (TraceLine.SizeOf<T>() + 15) & ~15UL;
        return address;
    }

    /// <summary>Traces one call.</summary>
    /// <param name="result">What it answers.</param>
    /// <param name="serve">What it does to memory.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <returns>The line, without its end.</returns>
    public string Trace(SyscallNumber number, SysResult result, Action? serve, params ReadOnlySpan<ulong> arguments)
    {
        int start = _output.Length;
        SyscallArguments captured = Capture(number, arguments);
        TraceLine line = _strace.Begin(7, Memory, in captured);
        serve?.Invoke();
        _strace.End(line, in captured, result);
        string text = _output.ToString(start, _output.Length - start);
        Assert.EndsWith("\n", text, StringComparison.Ordinal);
        return text[..^1];
    }

    /// <summary>Begins a call that another one overtakes.</summary>
    /// <returns>What ends it.</returns>
    public Action<SysResult> Begin(SyscallNumber number, params ReadOnlySpan<ulong> arguments)
    {
        SyscallArguments captured = Capture(number, arguments);
        TraceLine line = _strace.Begin(7, Memory, in captured);
        return result => _strace.End(line, in captured, result);
    }

    public void Write(ReadOnlySpan<byte> line) => _output.Append(Encoding.ASCII.GetString(line));

    public void Dispose() => _memory.Dispose();

    private static SyscallArguments Capture(SyscallNumber number, ReadOnlySpan<ulong> arguments)
    {
        GuestRegisters registers = new() { Rax = (ulong)number };
        for (int i = 0; i < arguments.Length; i++)
        {
            ref ulong register = ref registers.Rdi;
            switch (i)
            {
                case 1: register = ref registers.Rsi; break;
                case 2: register = ref registers.Rdx; break;
                case 3: register = ref registers.R10; break;
                case 4: register = ref registers.R8; break;
                case 5: register = ref registers.R9; break;
            }

            register = arguments[i];
        }

        return new SyscallArguments(in registers);
    }
}

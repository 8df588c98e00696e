using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.Intrinsics.X86;
using Semitone.Abi;
using Semitone.Machine;
using Semitone.Machine.X64;

namespace Semitone.Guest;

/// <summary>Streams of hostile instructions in ring 3, one after the other, each from registers, flags and segments of its own.</summary>
/// <remarks>
/// <c>fuzz=FIRST:COUNT</c> on the kernel command line. Streams come in blocks of 32 that fill a page of code, and every block starts from
/// the same memory: <c>fuzz=N:32</c> runs one of them again, where N is FIRST and any number of blocks. A line now and then says how far it
/// is, so that whoever finds the machine dead or spinning knows where to look. What must hold: every stream comes back by a trap that ring
/// 3 can have, and a bystander with a page table, registers and vectors of its own never notices.
/// </remarks>
internal sealed class InstructionFuzzer : IDisposable
{
    private const ulong Code = 0x40_0000;
    private const ulong Data = 0x60_0000;
    private const int DataPages = 3;
    private const int StreamsPerPage = 32;
    private const int StreamSize = Paging.PageSize / StreamsPerPage;
    private const int FrameWords = 6;
    private const int MostTraps = 4;
    private const uint ReportInterval = 1 << 12;
    private const uint BystanderInterval = 256;
    private const ushort DataSelector = 0x2B;

    /// <summary>Time between two alarms. A stream that sees two of them spins, as one in twenty does; the others take less than a tenth of
    /// it. To set an alarm costs as much as a stream, so that each is left to run out.</summary>
    private const long SpinNs = 300_000;

    private readonly X64Machine _machine;
    private readonly IPageTable _table;
    private readonly IGuestContext _context;
    private readonly Frame[] _frames = new Frame[DataPages + 1];
    private readonly byte[] _code = new byte[Paging.PageSize];
    private readonly byte[] _image;
    private readonly Bystander _bystander;

    private readonly bool _isTranslated = X86Base.CpuId(0x4000_0000, 0).Ebx == 0x5447_4354; // "TCGT"
    private readonly long[] _ends = new long[256 + 4];

    private InstructionFuzzer(X64Machine machine)
    {
        _machine = machine;
        Check.True(machine.TryCreatePageTable(out IPageTable? table), "no page table");
        Check.True(machine.TryCreateContext(out IGuestContext? context), "no context");
        _table = table!;
        _context = context!;
        for (int i = 0; i < _frames.Length; i++)
        {
            Check.True(machine.Frames.TryAllocateZeroed(out _frames[i]), "no frame");
        }

        // A page that may be written, one that may be read, one that may be nothing; then nothing.
        PageAccess[] access = [PageAccess.Read | PageAccess.Write, PageAccess.Read, PageAccess.None];
        Check.True(_table.TryMap(Code, _frames[0], PageAccess.Read | PageAccess.Execute), "code not mapped");
        for (int i = 0; i < DataPages; i++)
        {
            Check.True(_table.TryMap(Data + (ulong)(i * Paging.PageSize), _frames[i + 1], access[i]), "data not mapped");
        }

        _image = new byte[_context.ExtendedStateSize];
        _bystander = new Bystander(machine);
    }

    /// <summary>Runs what the command line asks for.</summary>
    /// <returns>False when it asks for nothing.</returns>
    internal static bool TryRun(X64Machine machine, Action<string> print)
    {
        if (!TestRun.TryGetOption(machine, "fuzz", out string? option))
        {
            return false;
        }

        string[] numbers = option.Split(':');
        ulong seed = ulong.Parse(numbers[0], CultureInfo.InvariantCulture);
        ulong count = ulong.Parse(numbers[1], CultureInfo.InvariantCulture);
        using InstructionFuzzer fuzzer = new(machine);
        fuzzer.Run(seed, count, print);
        return true;
    }

    public void Dispose()
    {
        _bystander.Dispose();
        _context.Dispose();
        _table.Dispose();
        Array.ForEach(_frames, _machine.Frames.Release);
    }

    private void Run(ulong seed, ulong count, Action<string> print)
    {
        for (ulong first = seed; first < seed + count; first += StreamsPerPage)
        {
            // Again for each block: what goes off while the bystander runs is lost.
            _machine.Cpu.SetAlarm(_machine.Clock.MonotonicNs + SpinNs);
            int streams = (int)Math.Min(StreamsPerPage, seed + count - first);
            if ((first - seed) % ReportInterval == 0)
            {
                print($"fuzz at {first}");
            }

            _context.ResetExtendedState();
            _context.ResetSegments();
            for (int i = 1; i < _frames.Length; i++)
            {
                _machine.Frames.Clear(_frames[i], 0, Paging.PageSize);
            }

            Span<byte> code = _code;
            code.Fill(0xCC);
            for (int i = 0; i < streams; i++)
            {
                InstructionGrammar.Write(new StreamRandom(first + (ulong)i), code.Slice(i * StreamSize, StreamSize - 16));
            }

            if (_isTranslated)
            {
                InstructionGrammar.SpareTranslator(code);
            }

            _machine.Frames.Write(_frames[0], 0, code);

            for (int i = 0; i < streams; i++)
            {
                RunStream(first + (ulong)i, Code + (ulong)(i * StreamSize));
            }

            if ((first - seed) % BystanderInterval == 0)
            {
                Check.True(_bystander.IsUntouched(), $"the bystander of stream {first} and those before it has other registers or memory");
            }
        }

        Print(count, print);
    }

    private void RunStream(ulong number, ulong start)
    {
        StreamRandom random = new(~number);
        ref GuestRegisters registers = ref _context.Registers;
        FillRegisters(ref random, ref registers);
        registers.Rip = start;
        if (random.Below(16) == 0)
        {
            LoadImage(ref random);
        }

        if (random.Below(8) == 0)
        {
            _context.GsBase = InstructionGrammar.GetCanonical(ref random);
        }

        bool hasBeenInterrupted = false;
        for (int i = 0; i < MostTraps; i++)
        {
            TrapKind kind = _machine.Cpu.Run(_context, _table);
            switch (kind)
            {
                case TrapKind.SystemCall:
                    _ends[256 + (int)kind]++;
                    Check.True(registers.Rip is >= 2 and <= Paging.UserEnd, $"stream {number}: a system call at 0x{registers.Rip:x}");
                    registers.Rax = random.Next();
                    break;
                case TrapKind.Interrupt:
                    _machine.Cpu.SetAlarm(_machine.Clock.MonotonicNs + SpinNs);
                    if (hasBeenInterrupted)
                    {
                        _ends[256 + (int)kind]++;
                        return; // it spins, or the host was busy
                    }

                    hasBeenInterrupted = true;
                    i--;
                    break;
                case TrapKind.PageFault:
                    _ends[256 + (int)kind]++;
                    Trap fault = _machine.Cpu.LastTrap;
                    Check.True((fault.PageFault & PageFaultFlags.ReservedBit) == 0, $"stream {number}: a reserved bit in the tables");
                    if ((fault.PageFault & (PageFaultFlags.User | PageFaultFlags.Present)) == PageFaultFlags.Present
                        && _machine.Cpu.TryAllowSupervisorAccess())
                    {
                        break;
                    }

                    if (!TryStepOn(ref random, ref registers))
                    {
                        return;
                    }

                    break;
                default:
                    byte vector = _machine.Cpu.LastTrap.Vector;
                    _ends[vector]++;
                    Check.True(vector is 0 or 1 or 3 or 4 or 5 or 6 or 7 or 11 or 12 or 13 or 16 or 17
                        or 19, $"stream {number}: exception {vector}");
                    if (vector is not (1 or 3) && !TryStepOn(ref random, ref registers))
                    {
                        return;
                    }

                    break;
            }
        }
    }

    /// <summary>Goes on somewhat behind an instruction that was refused.</summary>
    private static bool TryStepOn(ref StreamRandom random, ref GuestRegisters registers)
    {
        registers.Rip += 1 + random.Below(5);
        return registers.Rip is >= Code and < Code + Paging.PageSize;
    }

    /// <summary>Most are pointers that lead somewhere; flags and bases are whatever a signal frame could bring in.</summary>
    private void FillRegisters(ref StreamRandom random, ref GuestRegisters registers)
    {
        registers.Rax = InstructionGrammar.GetValue(ref random);
        registers.Rbx = InstructionGrammar.GetAddress(ref random);
        registers.Rcx = InstructionGrammar.GetValue(ref random);
        registers.Rdx = InstructionGrammar.GetValue(ref random);
        registers.Rsi = InstructionGrammar.GetAddress(ref random);
        registers.Rdi = InstructionGrammar.GetAddress(ref random);
        registers.Rbp = InstructionGrammar.GetAddress(ref random);
        registers.R8 = InstructionGrammar.GetValue(ref random);
        registers.R9 = InstructionGrammar.GetAddress(ref random);
        registers.R10 = InstructionGrammar.GetValue(ref random);
        registers.R11 = random.Next();
        registers.R12 = InstructionGrammar.GetSelector(ref random);
        registers.R13 = InstructionGrammar.GetSelector(ref random);
        registers.R14 = InstructionGrammar.GetAddress(ref random);
        registers.R15 = random.Next();
        registers.Rflags = random.Below(4) == 0 ? random.Next() : 0x202;
        registers.FsBase = random.Below(4) == 0 ? InstructionGrammar.GetCanonical(ref random) : Data;
        registers.Rsp = Data + random.Below(Paging.PageSize) & ~7UL;
        if (random.Below(8) == 0)
        {
            registers.Rsp = InstructionGrammar.GetUserAddress(ref random);
        }

        // What far returns find: a target, a selector, flags, a stack, a selector.
        Span<byte> stack = stackalloc byte[sizeof(ulong) * FrameWords];
        int at = (int)(registers.Rsp & (Paging.PageSize - 1));
        for (int i = 0; i < FrameWords; i++)
        {
            ulong word = i switch
            {
                0 => Code + random.Below(Paging.PageSize),
                2 => random.Below(2) == 0 ? 0x202 : random.Next(),
                3 => InstructionGrammar.GetUserAddress(ref random),
                _ => InstructionGrammar.GetSelector(ref random),
            };
            BinaryPrimitives.WriteUInt64LittleEndian(stack[(i * sizeof(ulong))..], word);
        }

        _machine.Frames.Write(_frames[1], at, stack[..Math.Min(stack.Length, Paging.PageSize - at)]);
    }

    /// <summary>An XSAVE image with any bits: most are refused, and what is taken must not fault in ring 0.</summary>
    private void LoadImage(ref StreamRandom random)
    {
        _context.SaveExtendedState(_image);
        for (ulong changes = random.Below(32); changes > 0; changes--)
        {
            int place = random.Below(2) == 0 ? (int)random.Below(32) : (int)random.Below((ulong)_image.Length);
            place = random.Below(4) == 0 && _image.Length > 520 ? 512 + (int)random.Below(8) : place;
            _image[place] = (byte)random.Next();
        }

        if (!_context.TryLoadExtendedState(_image))
        {
            _context.ResetExtendedState();
        }
    }

    private void Print(ulong count, Action<string> print)
    {
        print($"fuzz ran {count} streams: {_ends[256]} system calls, {_ends[257]} page faults, {_ends[259]} interrupts");
        for (int vector = 0; vector < 256; vector++)
        {
            if (_ends[vector] != 0)
            {
                print($"fuzz had {_ends[vector]} of exception {vector}");
            }
        }

        // A fuzzer whose streams all end alike tests little.
        foreach (int kind in (int[])[0, 1, 3, 6, 13, 256, 257])
        {
            Check.True(count < 1 << 16 || _ends[kind] > (long)count / 5000, $"only {_ends[kind]} streams had a trap of kind {kind}");
        }
    }

    /// <summary>A guest that is interrupted often and notices everything.</summary>
    private sealed class Bystander : IDisposable
    {
        // syscall; movq rax, xmm3; mov edx, ds; mov esi, fs; mov edi, gs; rdgsbase would need FSGSBASE; mov r8, [rbx]; pushf; pop r9; jmp
        // to the start
        private static readonly byte[] s_code =
        [
            0x0F, 0x05, 0x66, 0x48, 0x0F, 0x7E, 0xD8, 0x8C, 0xDA, 0x8C, 0xE6, 0x8C, 0xEF, 0x4C, 0x8B, 0x03, 0x9C, 0x41, 0x59, 0xEB, 0xEB,
        ];

        private const ulong Vector = 0x0123_4567_89AB_CDEF;
        private const ulong Word = 0xFEDC_BA98_7654_3210;
        private readonly RunLoopCases.Guest _guest;

        internal Bystander(X64Machine machine)
        {
            _guest = new RunLoopCases.Guest(machine, s_code);
            _guest.Write(Data, BitConverter.GetBytes(Word));
            byte[] image = new byte[_guest.Context.ExtendedStateSize];
            _guest.Context.SaveExtendedState(image);
            BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(160 + (3 * 16)), Vector);
            Check.True(_guest.Context.TryLoadExtendedState(image), "image refused");
            ref GuestRegisters registers = ref _guest.Context.Registers;
            registers.Rbx = Data;
            registers.R12 = 12;
            registers.R15 = 15;
            Check.Equal((byte)TrapKind.SystemCall, (byte)_guest.Run().Kind, "the bystander's first call");
        }

        public void Dispose() => _guest.Dispose();

        internal bool IsUntouched()
        {
            Trap trap = _guest.Run();
            ref GuestRegisters r = ref _guest.Context.Registers;
            return trap.Kind == TrapKind.SystemCall && r.Rip == Code + 2 && r.Rax == Vector && r.R8 == Word && (r.Rdx | r.Rsi | r.Rdi) == 0
                && (r.R9 & 0x247FD5 & ~0x44UL) == 0x200 && r.Rbx == Data && r.R12 == 12 && r.R15 == 15 && r.Rsp == Data + Paging.PageSize;
        }
    }
}

/// <summary>Random numbers that a number alone determines (SplitMix64).</summary>
[SuppressMessage("Security", "CA5394", Justification = "Nothing secret is made of them.")]
internal struct StreamRandom(ulong seed)
{
    private ulong _state = seed * 0x9E37_79B9_7F4A_7C15;

    internal ulong Next()
    {
        ulong x = _state += 0x9E37_79B9_7F4A_7C15;
        x = (x ^ (x >> 30)) * 0xBF58_476D_1CE4_E5B9;
        x = (x ^ (x >> 27)) * 0x94D0_49BB_1331_11EB;
        return x ^ (x >> 31);
    }

    internal ulong Below(ulong bound) => Next() % bound;
}

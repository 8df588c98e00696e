using Semitone.Abi;
using Semitone.Machine;
using Semitone.Machine.X64;

namespace Semitone.Guest;

/// <summary>Ring 3: what machine code does there, and how it comes back.</summary>
internal static class RunLoopCases
{
    private const ulong Code = 0x40_0000;
    private const ulong Data = 0x60_0000;
    private const ulong GuestFlags = 0x202;

    internal static readonly (string Name, Action<X64Machine> Body)[] All =
    [
        ("SystemCall_KeepsEveryRegister", KeepRegisters),
        ("SystemCall_ResultAndFlagsReachTheGuest", ReturnResult),
        ("PageFault_ReportsAddressAndAccess", FaultPages),
        ("PrivilegedInstruction_IsGeneralProtection", RunPrivileged),
        ("InvalidOpcode_DivideError_Breakpoint_AreExceptions", RunExceptions),
        ("KernelMemory_IsOutOfReach", ReadKernel),
        ("Spinning_IsInterruptedByTheAlarm", Spin),
        ("Alarm_GoesOffOnce", SleepAfterAlarm),
        ("VectorState_SurvivesAnotherGuest", SwitchVectors),
        ("ExtendedState_RoundTripsAndRefusesGarbage", SaveAndLoad),
        ("Flags_OfAHostileFrame_AreSanitised", SanitiseFlags),
        ("NonCanonicalRip_IsAFaultOfTheGuest", LeaveCanonicalRange),
        ("SegmentBases_AreTheGuests", UseBases),
        ("DirectionFlag_OfAGuest_EndsWithItsRun", SetDirection),
        ("X87State_SurvivesAnotherGuest", SwitchX87),
    ];

    private static void KeepRegisters(X64Machine machine)
    {
        using Guest guest = new(machine, [0x0F, 0x05, 0x0F, 0x05]); // syscall; syscall
        ref GuestRegisters r = ref guest.Context.Registers;
        r.Rax = 39;
        r.Rbx = 0x1111;
        r.Rdx = 0x2222;
        r.Rsi = 0x3333;
        r.Rdi = 0x4444;
        r.Rbp = 0x5555;
        r.R8 = 8;
        r.R9 = 9;
        r.R10 = 10;
        r.R12 = 12;
        r.R13 = 13;
        r.R14 = 14;
        r.R15 = ulong.MaxValue;
        for (ulong i = 1; i <= 2; i++)
        {
            Trap trap = guest.Run();
            Check.Equal((byte)TrapKind.SystemCall, (byte)trap.Kind, "trap");
            Check.Equal(Code + 2 * i, r.Rip, "rip");
            Check.Equal(39UL, r.Rax, "rax");
            Check.Equal(39UL, r.OrigRax, "orig_rax");
            Check.True(
                r.Rbx == 0x1111 && r.Rdx == 0x2222 && r.Rsi == 0x3333 && r.Rdi == 0x4444 && r.Rbp == 0x5555
                && r.R8 == 8 && r.R9 == 9 && r.R10 == 10 && r.R12 == 12 && r.R13 == 13 && r.R14 == 14 && r.R15 == ulong.MaxValue,
                "a register changed");
        }
    }

    private static void ReturnResult(X64Machine machine)
    {
        // stc; syscall; setc bl; mov rcx, rax; syscall
        using Guest guest = new(machine, [0xF9, 0x0F, 0x05, 0x0F, 0x92, 0xC3, 0x48, 0x89, 0xC1, 0x0F, 0x05]);
        guest.Run();
        guest.Context.Registers.Rax = 0xDEAD_BEEF_0000_0001;
        guest.Run();
        Check.Equal(1UL, guest.Context.Registers.Rbx & 0xFF, "the carry flag");
    }

    private static void FaultPages(X64Machine machine)
    {
        using Guest guest = new(machine, [0x48, 0x8B, 0x07, 0x0F, 0x05]); // mov rax, [rdi]; syscall
        guest.Context.Registers.Rdi = 0x1234_5678;
        guest.Context.Registers.R11 = 77;
        Trap trap = guest.Run();
        Check.Equal((byte)TrapKind.PageFault, (byte)trap.Kind, "trap");
        Check.Equal(0x1234_5678UL, trap.Address, "address");
        Check.Equal((uint)PageFaultFlags.User, (uint)trap.PageFault, "error code");
        guest.Context.Registers.Rdi = Data;
        Check.Equal((byte)TrapKind.SystemCall, (byte)guest.Run().Kind, "after the fault was mended");

        using Guest writer = new(machine, [0x48, 0x89, 0x07]); // mov [rdi], rax
        writer.Context.Registers.Rdi = Code;
        trap = writer.Run();
        Check.Equal(
            (uint)(PageFaultFlags.User | PageFaultFlags.Write | PageFaultFlags.Present), (uint)trap.PageFault, "error code of a write");

        using Guest jumper = new(machine, [0xFF, 0xE7]); // jmp rdi
        jumper.Context.Registers.Rdi = Data;
        trap = jumper.Run();
        Check.Equal(Data, trap.Address, "address of a jump into data");
        Check.True((trap.PageFault & PageFaultFlags.InstructionFetch) != 0, "not an instruction fetch");
    }

    private static void RunPrivileged(X64Machine machine)
    {
        foreach (byte[] code in (byte[][])[[0xF4], [0xFA], [0x0F, 0x22, 0xD8], [0xE4, 0x60], [0x0F, 0x30]]) // hlt, cli, mov cr3, in, wrmsr
        {
            using Guest guest = new(machine, code);
            Trap trap = guest.Run();
            Check.Equal((byte)TrapKind.Exception, (byte)trap.Kind, "trap");
            Check.Equal((byte)13, trap.Vector, "vector");
            Check.Equal(Code, guest.Context.Registers.Rip, "rip");
        }
    }

    private static void RunExceptions(X64Machine machine)
    {
        foreach ((byte[] code, byte vector) in ((byte[], byte)[])[([0x0F, 0x0B], 6), ([0x31, 0xC9, 0xF7, 0xF9], 0), ([0xCC], 3)])
        {
            using Guest guest = new(machine, code);
            Trap trap = guest.Run();
            Check.Equal((byte)TrapKind.Exception, (byte)trap.Kind, "trap");
            Check.Equal(vector, trap.Vector, "vector");
        }
    }

    private static void ReadKernel(X64Machine machine)
    {
        foreach (ulong address in (ulong[])[0xFFFF_FFFF_9000_0000, 0xFFFF_8000_0010_0000, 0x7F80_0000_2000])
        {
            using Guest guest = new(machine, [0x48, 0x8B, 0x07]); // mov rax, [rdi]
            guest.Context.Registers.Rdi = address;
            Trap trap = guest.Run();
            Check.Equal((byte)TrapKind.PageFault, (byte)trap.Kind, "trap");
            Check.Equal(address, trap.Address, "address");
        }
    }

    private static void Spin(X64Machine machine)
    {
        using Guest guest = new(machine, [0x48, 0xFF, 0xC0, 0xEB, 0xFB]); // inc rax; jmp -5
        long start = machine.Clock.MonotonicNs;
        long late = 0;

        // A host that is busy may take the CPU away for all of the time that the guest was to spin.
        for (int round = 0; round < 100 && guest.Context.Registers.Rax < 1000; round++)
        {
            long alarm = machine.Clock.MonotonicNs + 5_000_000;
            machine.Cpu.SetAlarm(alarm);
            do
            {
                Check.Equal((byte)TrapKind.Interrupt, (byte)guest.RunOnce().Kind, "trap");
            }
            while (machine.Clock.MonotonicNs < alarm);
            late = machine.Clock.MonotonicNs - alarm;
        }

        machine.Cpu.SetAlarm(long.MaxValue);
        Check.True(guest.Context.Registers.Rax >= 1000, "it did not spin");
        Check.True(late < 10_000_000_000, $"the alarm came {late} ns late");
        Check.True(machine.Clock.MonotonicNs > start, "the clock stood still");
    }

    /// <summary>
    /// An alarm that has gone off must not end the sleeps that follow: the executor sets none when it waits for a device only.
    /// </summary>
    private static void SleepAfterAlarm(X64Machine machine)
    {
        using Guest guest = new(machine, [0xEB, 0xFE]); // jmp $
        Action<long>[] waits =
        [
            alarm =>
            {
                while (machine.Clock.MonotonicNs < alarm)
                {
                    machine.Cpu.Idle();
                }
            },
            alarm =>
            {
                while (machine.Clock.MonotonicNs < alarm)
                {
                    guest.RunOnce();
                }
            },
        ];
        foreach (Action<long> waitUntil in waits)
        {
            long alarm = machine.Clock.MonotonicNs + 2_000_000;
            machine.Cpu.SetAlarm(alarm);
            waitUntil(alarm);
            bool isSetAnew = false;
            Thread other = new(() =>
            {
                Thread.Sleep(30);
                Volatile.Write(ref isSetAnew, true);
                machine.Cpu.SetAlarm(machine.Clock.MonotonicNs);
            });
            other.Start();

            // The first alarm's interrupt may come a little after its time.
            int wakes = 0;
            for (; !Volatile.Read(ref isSetAnew); wakes++)
            {
                machine.Cpu.Idle();
            }

            Check.True(wakes <= 3, $"the CPU woke {wakes} times for one alarm");
            other.Join();
        }
    }

    private static void SwitchVectors(X64Machine machine)
    {
        // movq xmm3, rax; vmovdqu ymm5, [rdi]; syscall; movq rax, xmm3; vmovdqu [rsi], ymm5; syscall
        byte[] code =
        [
            0x66, 0x48, 0x0F, 0x6E, 0xD8, 0xC5, 0xFE, 0x6F, 0x2F, 0x0F, 0x05,
            0x66, 0x48, 0x0F, 0x7E, 0xD8, 0xC5, 0xFE, 0x7F, 0x2E, 0x0F, 0x05,
        ];
        if (!System.Runtime.Intrinsics.X86.X86Base.IsSupported || machine.CpuFeatures.ExtendedStateSize < 832)
        {
            return; // no AVX on this CPU
        }

        using Guest first = new(machine, code);
        using Guest second = new(machine, code);
        Guest[] guests = [first, second];
        for (int i = 0; i < 2; i++)
        {
            byte[] pattern = new byte[32];
            pattern.AsSpan().Fill((byte)(0x10 + i));
            guests[i].Write(Data, pattern);
            guests[i].Context.Registers.Rax = (ulong)(1000 + i);
            guests[i].Context.Registers.Rdi = Data;
            guests[i].Context.Registers.Rsi = Data + 64;
            Check.Equal((byte)TrapKind.SystemCall, (byte)guests[i].Run().Kind, "trap");
        }

        double disturbance = Math.Sqrt(machine.Clock.MonotonicNs); // the kernel uses the registers too
        Check.True(disturbance > 0, "time");
        for (int i = 0; i < 2; i++)
        {
            guests[i].Context.Registers.Rax = 0;
            guests[i].Run();
            Check.Equal((ulong)(1000 + i), guests[i].Context.Registers.Rax, "xmm3");
            byte[] seen = guests[i].Read(Data + 64, 32);
            Check.True(seen.AsSpan().IndexOfAnyExcept((byte)(0x10 + i)) < 0, "ymm5");
        }
    }

    private static void SaveAndLoad(X64Machine machine)
    {
        using Guest guest = new(machine, [0x66, 0x48, 0x0F, 0x6E, 0xD8, 0x0F, 0x05, 0x66, 0x48, 0x0F, 0x7E, 0xD8, 0x0F, 0x05]);
        guest.Context.Registers.Rax = 4711;
        guest.Run();
        byte[] image = new byte[guest.Context.ExtendedStateSize];
        guest.Context.SaveExtendedState(image);
        Check.Equal(4711, BitConverter.ToInt32(image, 160 + 3 * 16), "xmm3 in the image");
        image[160 + 3 * 16]++;
        Check.True(guest.Context.TryLoadExtendedState(image), "a good image was refused");
        guest.Run();
        Check.Equal(4712UL, guest.Context.Registers.Rax, "xmm3 after loading");
        if (image.Length > 512)
        {
            byte[] bad = [.. image];
            bad[512 + 7] |= 0x80; // an unknown component
            Check.True(!guest.Context.TryLoadExtendedState(bad), "an unknown component was taken");
            bad = [.. image];
            bad[512 + 24] = 1; // reserved
            Check.True(!guest.Context.TryLoadExtendedState(bad), "a reserved byte was taken");
        }

        byte[] mxcsr = [.. image];
        mxcsr[26] = 1; // MXCSR bit 16
        Check.True(!guest.Context.TryLoadExtendedState(mxcsr), "a reserved bit of MXCSR was taken");
    }

    private static void SanitiseFlags(X64Machine machine)
    {
        foreach (bool bySysret in (bool[])[true, false])
        {
            using Guest guest = new(machine, [0x9C, 0x58, 0x0F, 0x05]); // pushf; pop rax; syscall
            ref GuestRegisters r = ref guest.Context.Registers;
            r.Rflags = 0x3000; // I/O privilege level 3, interrupts off
            r.Rcx = bySysret ? r.Rip : 0;
            r.R11 = r.Rflags;
            Check.Equal((byte)TrapKind.SystemCall, (byte)guest.Run().Kind, "trap");
            Check.Equal(0x202UL, r.Rax & 0x3202, "the guest's flags");
        }
    }

    private static void LeaveCanonicalRange(X64Machine machine)
    {
        foreach (ulong rip in (ulong[])[0x8000_0000_0000, 0xFFFF_FFFF_9000_0000, Paging.UserEnd, ulong.MaxValue])
        {
            using Guest guest = new(machine, [0x90]);
            guest.Context.Registers.Rip = rip;
            guest.Context.Registers.Rcx = rip;
            guest.Context.Registers.R11 = guest.Context.Registers.Rflags;
            Trap trap = guest.Run();
            Check.Equal((byte)TrapKind.Exception, (byte)trap.Kind, "trap");
        }
    }

    private static void UseBases(X64Machine machine)
    {
        // mov rax, fs:[0]; mov rbx, gs:[8]; syscall
        using Guest guest = new(machine, [0x64, 0x48, 0x8B, 0x04, 0x25, 0, 0, 0, 0, 0x65, 0x48, 0x8B, 0x1C, 0x25, 8, 0, 0, 0, 0x0F, 0x05]);
        guest.Write(Data, BitConverter.GetBytes(11L));
        guest.Write(Data + 24, BitConverter.GetBytes(22L));
        guest.Context.Registers.FsBase = Data;
        guest.Context.GsBase = Data + 16;
        Check.Equal((byte)TrapKind.SystemCall, (byte)guest.Run().Kind, "trap");
        Check.Equal(11UL, guest.Context.Registers.Rax, "through FS");
        Check.Equal(22UL, guest.Context.Registers.Rbx, "through GS");
        Check.Equal(Data, guest.Context.Registers.FsBase, "FS base");
        Check.Equal(Data + 16, guest.Context.GsBase, "GS base");
    }

    /// <summary>
    /// Compiled code relies on DF being clear (System V ABI, 3.2.1), and an interrupt gate leaves it as the guest had it.
    /// </summary>
    private static void SetDirection(X64Machine machine)
    {
        using Guest guest = new(machine, [0xFD, 0x0F, 0x0B]); // std; ud2
        const int Part = 64 * 1024; // large enough for string instructions, where the C library uses them
        using UntouchedMemory memory = new(3 * Part);
        memory.Bytes.Fill(0x55);
        Check.Equal((byte)TrapKind.Exception, (byte)guest.Run().Kind, "trap");
        memory.Bytes[Part..(2 * Part)].Clear();
        Check.Equal(Part, memory.Bytes.IndexOfAnyExcept((byte)0x55), "where it begins to be clear");
        Check.Equal(Part, memory.Bytes[Part..].IndexOfAnyExcept((byte)0), "how far it is clear");
    }

    private static void SwitchX87(X64Machine machine)
    {
        byte[] code = [0xDF, 0x2F, 0x0F, 0x05, 0xDF, 0x3E, 0x0F, 0x05]; // fild qword [rdi]; syscall; fistp qword [rsi]; syscall
        using Guest first = new(machine, code);
        using Guest second = new(machine, code);
        Guest[] guests = [first, second];
        for (int round = 0; round < 2; round++)
        {
            for (int i = 0; i < guests.Length; i++)
            {
                if (round == 0)
                {
                    guests[i].Write(Data, BitConverter.GetBytes(1000L + i));
                    guests[i].Context.Registers.Rdi = Data;
                    guests[i].Context.Registers.Rsi = Data + 64;
                }

                Check.Equal((byte)TrapKind.SystemCall, (byte)guests[i].Run().Kind, "trap");
            }
        }

        Check.Equal(1000L, BitConverter.ToInt64(first.Read(Data + 64, 8)), "the first guest's number");
        Check.Equal(1001L, BitConverter.ToInt64(second.Read(Data + 64, 8)), "the second guest's number");
    }

    /// <summary>One page of code, one of data that is stack too, and a thread at the code's first byte.</summary>
    internal sealed class Guest : IDisposable
    {
        private readonly X64Machine _machine;
        private readonly IPageTable _table;
        private readonly Frame _code;
        private readonly Frame _data;

        internal Guest(X64Machine machine, ReadOnlySpan<byte> code)
        {
            _machine = machine;
            Check.True(machine.TryCreatePageTable(out IPageTable? table), "no page table");
            Check.True(machine.TryCreateContext(out IGuestContext? context), "no context");
            Check.True(machine.Frames.TryAllocateZeroed(out _code) && machine.Frames.TryAllocateZeroed(out _data), "no frame");
            _table = table!;
            Context = context!;
            machine.Frames.Write(_code, 0, code);
            Check.True(_table.TryMap(Code, _code, PageAccess.Read | PageAccess.Execute), "code not mapped");
            Check.True(_table.TryMap(Data, _data, PageAccess.Read | PageAccess.Write), "data not mapped");
            Context.Registers.Rip = Code;
            Context.Registers.Rsp = Data + Paging.PageSize;
            Context.Registers.Rflags = GuestFlags;
        }

        internal IGuestContext Context { get; }

        public void Dispose()
        {
            Context.Dispose();
            _table.Unmap(Code, Code + Paging.PageSize);
            _table.Unmap(Data, Data + Paging.PageSize);
            _table.Dispose();
            _machine.Frames.Release(_code);
            _machine.Frames.Release(_data);
        }

        /// <summary>Runs until the guest itself stops; an interrupt may come at any time.</summary>
        internal Trap Run()
        {
            Trap trap;
            do
            {
                trap = RunOnce();
            }
            while (trap.Kind == TrapKind.Interrupt);
            return trap;
        }

        internal Trap RunOnce()
        {
            TrapKind kind = _machine.Cpu.Run(Context, _table);
            return kind is TrapKind.PageFault or TrapKind.Exception ? _machine.Cpu.LastTrap : new Trap(kind, 0, 0, 0);
        }

        internal void Write(ulong address, byte[] bytes) => Check.Equal(bytes.Length, _table.CopyToGuest(address, bytes), "bytes written");

        internal byte[] Read(ulong address, int count)
        {
            byte[] bytes = new byte[count];
            Check.Equal(count, _table.CopyFromGuest(address, bytes), "bytes read");
            return bytes;
        }
    }
}

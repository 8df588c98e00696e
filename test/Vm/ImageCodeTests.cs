using System.Globalization;
using System.Text.RegularExpressions;

namespace Semitone.Vm;

/// <summary>Instructions of Metal's image that only a rare CPU or a rare moment would miss, read from its disassembly.</summary>
public sealed partial class ImageCodeTests
{
    private static readonly Lazy<Disassembly> s_code = new(() => Disassembly.Of(Repository.Kernel + ".dbg"));

    /// <summary>A gate leaves AC and DF as they were: with the one SMAP is lifted, with the other strings run backwards.</summary>
    /// <remarks>From each gate every way is followed that the CPU can take, until compiled code is called or a guest is left.</remarks>
    [Fact]
    public void EveryGate_ComesToCompiledCodeWithoutTheFlagsOfWhomItInterrupted()
    {
        Disassembly code = s_code.Value;
        const int GateSize = 16;
        const int Count = 256;
        int ends = 0;
        for (int vector = 0; vector < Count; vector++)
        {
            HashSet<(ulong, State)> seen = [];
            Stack<(ulong Address, State State)> open = new([(code.Symbols["gates"] + (ulong)(vector * GateSize), State.None)]);
            while (open.TryPop(out (ulong Address, State State) at))
            {
                Instruction instruction = code.At(at.Address);
                State state = at.State | instruction.Mnemonic switch
                {
                    "cld" => State.DirectionIsClear,
                    "clac" => State.AccessIsClosed,
                    _ => State.None,
                };
                bool comesToCode = instruction.Mnemonic == "call" || instruction.Address == code.Symbols["leave_guest"];
                if (comesToCode)
                {
                    Assert.True(state == State.Both, $"vector {vector} comes to {instruction} with {state}");
                    ends++;
                }

                if (comesToCode || instruction.Mnemonic is "iretq" or "ud2" || !seen.Add((at.Address, state)))
                {
                    continue;
                }

                if (instruction.Target is { } target)
                {
                    // Where there is no SMAP, CLAC is no instruction: the one way around it.
                    bool isWithoutSmap = code.At(instruction.Next).Mnemonic == "clac" && code.Before(instruction).Mnemonic == "cmp";
                    open.Push((target, isWithoutSmap ? state | State.AccessIsClosed : state));
                }

                if (instruction.Mnemonic != "jmp")
                {
                    open.Push((instruction.Next, state));
                }
            }
        }

        Assert.True(ends >= 2 * Count, $"only {ends} ways were found");
    }

    /// <summary>
    /// In xAPIC mode nothing else orders the store that makes the timer a deadline timer with the write of the deadline (Intel SDM Vol. 3A,
    /// 10.5.4.1).
    /// </summary>
    [Fact]
    public void TscDeadline_IsWrittenBehindAFence()
    {
        Disassembly code = s_code.Value;
        Instruction[] function = [.. code.From("write_tsc_deadline").TakeWhile(instruction => instruction.Mnemonic != "ret")];
        Assert.Equal(["mfence", "wrmsr"], function[^2..].Select(instruction => instruction.Mnemonic));

        // Nobody else names the register.
        Instruction[] naming = [.. code.All.Where(instruction => instruction.Operands.EndsWith(",0x6e0", StringComparison.Ordinal))];
        Assert.Equal(code.Symbols["write_tsc_deadline"], Assert.Single(naming).Address);
    }

    [Flags]
    private enum State
    {
        None = 0,
        DirectionIsClear = 1,
        AccessIsClosed = 2,
        Both = DirectionIsClear | AccessIsClosed,
    }

    private sealed record Instruction(ulong Address, ulong Next, string Mnemonic, string Operands)
    {
        /// <summary>Where a jump goes.</summary>
        public ulong? Target => Mnemonic.StartsWith('j')
            && ulong.TryParse(Operands.Split(' ')[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong target)
            ? target
            : null;

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"0x{Address:x}: {Mnemonic} {Operands}");
    }

    /// <summary>What objdump(1) says of an image.</summary>
    private sealed partial class Disassembly
    {
        private readonly Dictionary<ulong, int> _indexes = [];

        public Dictionary<string, ulong> Symbols { get; } = [];

        public List<Instruction> All { get; } = [];

        public static Disassembly Of(string image)
        {
            Assert.SkipUnless(File.Exists("/usr/bin/objdump"), "binutils is not installed");
            MachineRun run = MachineRun.Run(["/usr/bin/objdump", "-d", "-M", "intel", "--no-show-raw-insn", "-j", ".text", image]);
            Assert.True(run.Status == 0, run.Problems);
            Disassembly code = new();
            foreach (string line in run.Console.Split('\n'))
            {
                if (Label().Match(line) is { Success: true } label)
                {
                    code.Symbols.TryAdd(label.Groups[2].Value, Parse(label.Groups[1].Value));
                }
                else if (Line().Match(line) is { Success: true } match)
                {
                    ulong address = Parse(match.Groups[1].Value);
                    if (code.All.Count != 0)
                    {
                        code.All[^1] = code.All[^1] with { Next = address };
                    }

                    code._indexes[address] = code.All.Count;
                    code.All.Add(new Instruction(address, 0, match.Groups[2].Value, match.Groups[3].Value.Trim()));
                }
            }

            return code;
        }

        public Instruction At(ulong address) => All[_indexes[address]];

        public Instruction Before(Instruction instruction) => All[_indexes[instruction.Address] - 1];

        public IEnumerable<Instruction> From(string symbol) => All.Skip(_indexes[Symbols[symbol]]);

        private static ulong Parse(string digits) => ulong.Parse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

        [GeneratedRegex(@"^([0-9a-f]+) <(.+)>:$")]
        private static partial Regex Label();

        [GeneratedRegex(@"^\s*([0-9a-f]+):\s+([a-z0-9]+)\b(.*)$")]
        private static partial Regex Line();
    }
}

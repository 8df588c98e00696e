using System.Text;
using CsCheck;
using Semitone.Abi;
using Semitone.Fakes;
using Semitone.Files;
using Semitone.Memory;
using Semitone.Unit.Memory;

namespace Semitone.Unit.Files;

/// <summary>Our terminal and the host's get the same keys, modes, reads and writes, and must answer and show the same.</summary>
public sealed class TerminalComparisonTests
{
    private const TermiosInput ComparedInput = TermiosInput.ISTRIP | TermiosInput.INLCR | TermiosInput.IGNCR | TermiosInput.ICRNL
        | TermiosInput.IUCLC | TermiosInput.IXON
            | TermiosInput.IXANY | TermiosInput.IUTF8 | TermiosInput.PARMRK;

    private const TermiosOutput ComparedOutput = TermiosOutput.OPOST | TermiosOutput.OLCUC | TermiosOutput.ONLCR | TermiosOutput.OCRNL
        | TermiosOutput.ONOCR
            | TermiosOutput.ONLRET | TermiosOutput.TABDLY;

    private const TermiosLocal ComparedLocal = TermiosLocal.ISIG | TermiosLocal.ICANON | TermiosLocal.ECHO | TermiosLocal.ECHOE
        | TermiosLocal.ECHOK | TermiosLocal.ECHONL
            | TermiosLocal.NOFLSH | TermiosLocal.ECHOCTL | TermiosLocal.ECHOPRT | TermiosLocal.ECHOKE | TermiosLocal.IEXTEN;

    private static readonly byte[] s_keys =
        [.. "abcXYZ09 _-.\t\r\n"u8, .. "ü\u20AC"u8, 0, 1, 3, 4, 0x11, 0x12, 0x13, 0x15, 0x16, 0x17, 0x1A, 0x1C, 0x7F, 0x7F, 0x7F, 0xFF];

    private static readonly byte[] s_outputs = "ab\t\b\r\nZ\u00FC"u8.ToArray();

    private static readonly Gen<byte> s_key = Gen.Int[0, s_keys.Length - 1].Select(index => s_keys[index]);

    private static readonly Gen<byte> s_written = Gen.Int[0, s_outputs.Length - 1].Select(index => s_outputs[index]);

    private static readonly Gen<Termios> s_modes =
        Gen.Select(Gen.UInt, Gen.UInt, Gen.UInt, Gen.Int[0, 3], Gen.Int[0, 3]).Select((input, output, local, minimum, likely) =>
        {
            // Mostly the modes of a shell or of an editor; sometimes any.
            Termios modes = Ordinary;
            switch (likely)
            {
                case 0:
                    modes.c_lflag ^= TermiosLocal.ICANON | TermiosLocal.ECHO;
                    break;
                case 1:
                    modes.c_lflag ^= TermiosLocal.ICANON;
                    break;
                case 2:
                    break;
                default:
                    modes.c_iflag = (TermiosInput)input & ComparedInput;
                    modes.c_oflag = (TermiosOutput)output & ComparedOutput;
                    modes.c_oflag |= (modes.c_oflag & TermiosOutput.TABDLY) != 0 ? TermiosOutput.TABDLY : 0;
                    modes.c_lflag = (TermiosLocal)local & ComparedLocal;
                    break;
            }

            modes.c_cc[ControlCharacter.VMIN] = (byte)minimum;
            modes.c_cc[ControlCharacter.VEOL] = (byte)'.';
            modes.c_cc[ControlCharacter.VEOL2] = (byte)'-';
            return modes;
        });

    private static readonly Gen<Step> s_step = Gen.Frequency(
        (6, s_key.Array[1, 12].Select(keys => new Step(StepKind.Type, Bytes: keys))),
        (3, s_modes.Select(modes => new Step(StepKind.SetModes, Modes: modes))),
        (1, s_modes.Select(modes => new Step(StepKind.SetModesAndFlush, Modes: modes))),
        (4, Gen.Int[1, 6].Select(count => new Step(StepKind.Read, Count: count))),
        (1, Gen.Const(new Step(StepKind.Read, Count: 100))),
        (1, s_written.Array[1, 8].Select(bytes => new Step(StepKind.Write, Bytes: bytes))),
        (1, Gen.Int[0, 3].Select(queue => new Step(StepKind.Flush, Count: queue))),
        (1, Gen.Int[0, 1].Select(action => new Step(StepKind.Flow, Count: action))));

    private enum StepKind
    {
        Type,
        SetModes,
        SetModesAndFlush,
        Read,
        Write,
        Flush,
        Flow,
    }

    private static Termios Ordinary
    {
        get
        {
            Termios modes = default;
            modes.c_iflag = TermiosInput.ICRNL | TermiosInput.IXON | TermiosInput.IUTF8;
            modes.c_oflag = TermiosOutput.OPOST | TermiosOutput.ONLCR;
            modes.c_cflag = TermiosControl.B38400 | TermiosControl.CS8 | TermiosControl.CREAD;
            modes.c_lflag = TermiosLocal.ISIG | TermiosLocal.ICANON | TermiosLocal.ECHO | TermiosLocal.ECHOE | TermiosLocal.ECHOK
                | TermiosLocal.ECHOCTL
                    | TermiosLocal.ECHOKE | TermiosLocal.IEXTEN;
            ReadOnlySpan<byte> characters = [3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0];
            for (int i = 0; i < characters.Length; i++)
            {
                modes.c_cc[i] = characters[i];
            }

            return modes;
        }
    }

    [Fact]
    public void Steps_AnySequence_AnswerAndShowWhatLinuxDoes()
    {
        using (HostTerminal? first = HostTerminal.TryOpen())
        {
            Assert.SkipWhen(first is null, "this host gives no pseudo-terminal that may be typed on");
        }

        s_step.Array[1, 14].Sample(
            steps =>
            {
                using HostTerminal host = HostTerminal.TryOpen()!;
                using OurTerminal ours = new();
                host.SetModes(Ordinary, IoctlRequest.TCSETS);
                ours.SetModes(Ordinary, IoctlRequest.TCSETS);
                StringBuilder log = new();
                foreach (Step step in steps)
                {
                    string expected = Do(step, host.TryType, host.ReadScreen, host.SetModes, host.Read, host.Write, host.Control);
                    string actual = Do(step, ours.TryType, ours.ReadScreen, ours.SetModes, ours.Read, ours.Write, ours.Control);
                    expected += Observe(host.CountInput(), host.Poll(), host.ReadScreen());
                    actual += Observe(ours.CountInput(), ours.Poll(), ours.ReadScreen());
                    log.AppendLine($"{step} -> {expected}");
                    Assert.True(expected == actual, $"{log}    but ours {actual}");
                }
            },
            iter: 1500,
            threads: 1,
            print: _ => "");
    }

    private static string Do(
        Step step,
        Func<byte, bool> type,
        Func<byte[]> readScreen,
        Action<Termios, IoctlRequest> setModes,
        Func<int, (Errno Error, byte[] Bytes)> read,
        Action<byte[]> write,
        Action<IoctlRequest, int> control)
    {
        switch (step.Kind)
        {
            case StepKind.Type:
                // A key that raises a signal drops what was not yet taken from the other end: it is taken each time.
                List<byte> shown = [];
                foreach (byte value in step.Bytes!)
                {
                    type(value);
                    shown.AddRange(readScreen());
                }

                return Describe([.. shown]);
            case StepKind.SetModes:
                setModes(step.Modes, IoctlRequest.TCSETS);
                return "";
            case StepKind.SetModesAndFlush:
                setModes(step.Modes, IoctlRequest.TCSETSF);
                return "";
            case StepKind.Read:
                (Errno error, byte[] bytes) = read(step.Count);
                return $"{error} {Describe(bytes)}";
            case StepKind.Write:
                write(step.Bytes!);
                return "";
            case StepKind.Flush:
                control(IoctlRequest.TCFLSH, step.Count);
                return "";
            default:
                // After tcflow(3) Linux keeps echo that was held back until something else is shown; ours does not.
                control(IoctlRequest.TCXONC, step.Count);
                write("x"u8.ToArray());
                return "";
        }
    }

    private static string Observe(int count, PollEvents events, byte[] screen) =>
        $" [{count} to read, {events & (PollEvents.POLLIN | PollEvents.POLLOUT)}, shows {Describe(screen)}]";

    private static string Describe(byte[] bytes) =>
        $"\"{string.Concat(bytes.Select(value => value is >= 0x20 and < 0x7F ? ((char)value).ToString() : $"\\x{value:X2}"))}\"";

    private sealed record Step(StepKind Kind, byte[]? Bytes = null, Termios Modes = default, int Count = 0)
    {
        public override string ToString() => Kind switch
        {
            StepKind.Type or StepKind.Write => $"{Kind} {Describe(Bytes!)}",
            StepKind.SetModes or StepKind.SetModesAndFlush =>
                $"{Kind} {Modes.c_iflag}; {Modes.c_oflag}; {Modes.c_lflag}; MIN {Modes.c_cc[ControlCharacter.VMIN]}",
            _ => $"{Kind} {Count}",
        };
    }

    /// <summary>Ours, on the fake machine.</summary>
    private sealed class OurTerminal : IDisposable
    {
        private readonly FilesFixture _files = new();
        private readonly MemoryFixture _memory = new();
        private readonly ConsoleStreams _streams;
        private readonly OpenFile _terminal;
        private readonly ulong _page;

        public OurTerminal()
        {
            _streams = new ConsoleStreams(_files.Machine.Console, isLinked: false, []);
            FileTable table = new();
            _streams.Install(table, _files.Mounts);
            Assert.True(table.TryGet(new Fd(0), out OpenFile? file, out _));
            _terminal = file;
            _terminal.SetFlags(_terminal.Flags | OpenFlags.O_NONBLOCK);
            _page = _memory.Map(1);
        }

        private FakeConsole Console => _files.Machine.Console;

        public void Dispose() => _memory.Dispose();

        public bool TryType(byte value)
        {
            Console.Enter([value]);
            _streams.OnInterrupt();
            return true;
        }

        public void SetModes(Termios modes, IoctlRequest how)
        {
            Assert.True(_memory.Memory.TryWrite(new UserPtr<Termios>(_page), modes));
            Assert.Equal(SysResult.Success, _terminal.Control(how, _page, _memory.Memory));
        }

        public void Control(IoctlRequest request, int argument) => _terminal.Control(request, (ulong)argument, _memory.Memory);

        public int CountInput()
        {
            Assert.Equal(SysResult.Success, _terminal.Control(IoctlRequest.FIONREAD, _page, _memory.Memory));
            Assert.True(_memory.Memory.TryRead(new UserPtr<int>(_page), out int count));
            return count;
        }

        public PollEvents Poll() => _terminal.Poll();

        public (Errno Error, byte[] Bytes) Read(int count)
        {
            byte[] buffer = new byte[count];
            IoCursor cursor = IoCursor.OverKernel(buffer);
            IoResult result = _terminal.Read(ref cursor);
            return (result.Error, buffer[..(int)result.Bytes]);
        }

        public void Write(byte[] bytes) => FilesFixture.Write(_terminal, bytes);

        public byte[] ReadScreen()
        {
            byte[] screen = Console.Output;
            Console.ClearOutput();
            return screen;
        }
    }
}

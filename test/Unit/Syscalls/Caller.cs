using System.Text;
using Semitone.Abi;
using Semitone.Files;
using Semitone.Machine;
using Semitone.Tasks;
using Semitone.Unit.Tasks;

namespace Semitone.Unit.Syscalls;

/// <summary>A program whose calls are served at once, one after the other, so that a test reads like the program.</summary>
internal sealed class Caller
{
    public const ulong Buffer = Guest.Data + 0x1000;

    private const ulong Strings = Guest.Data;
    private const ulong StringSize = 0x100;

    private ulong _nextString = Strings;

    public Caller()
    {
        ProcessTable processes = new(Guest.System);
        StandardMounts.MountAll(Guest.Process.FileSystem.Mounts, new MountPoints(Guest.Process.FileSystem.Mounts), processes, processes);
    }

    public Guest Guest { get; } = new();

    public Process Process => Guest.Process;

    /// <summary>Runs the program; what fails in it fails the test.</summary>
    public ExitStatus Run(Action<Caller> program)
    {
        Guest.Main.Do(() => program(this));
        return Guest.Run();
    }

    /// <summary>Makes a call that does not wait.</summary>
    public long Call(SyscallNumber number, params ulong[] arguments)
    {
        ulong[] a = [.. arguments, 0, 0, 0, 0, 0, 0];
        GuestRegisters registers = new()
        {
            Rax = (ulong)number,
            OrigRax = (ulong)number,
            Rdi = a[0],
            Rsi = a[1],
            Rdx = a[2],
            R10 = a[3],
            R8 = a[4],
            R9 = a[5],
        };
        Guest.MainThread.Syscalls.Invoke(ref registers);
        return (long)registers.Rax;
    }

    /// <summary>Makes a call that must answer an error.</summary>
    public void Fails(Errno expected, SyscallNumber number, params ulong[] arguments) =>
        Assert.Equal((expected, number), ((Errno)(-Call(number, arguments)), number));

    /// <summary>Makes a call that must succeed.</summary>
    public long Succeeds(SyscallNumber number, params ulong[] arguments)
    {
        long result = Call(number, arguments);
        Assert.True(result >= 0, $"{number}: {(Errno)(-result)}");
        return result;
    }

    /// <summary>Puts a string into the program's memory; the sixteenth one later takes its place.</summary>
    public ulong Text(string text)
    {
        ulong address = _nextString;
        _nextString += StringSize;
        _nextString = _nextString == Strings + 0x1000 ? Strings : _nextString;
        byte[] bytes = [.. Encoding.UTF8.GetBytes(text), 0];
        Assert.InRange(bytes.Length, 1, (int)StringSize);
        Assert.Equal(bytes.Length, Guest.Memory.CopyOut(address, bytes));
        return address;
    }

    public string Read(ulong address, long length)
    {
        byte[] bytes = new byte[length];
        Assert.Equal(bytes.Length, Guest.Memory.CopyIn(address, bytes));
        return Encoding.UTF8.GetString(bytes);
    }

    public ulong Open(string path, OpenFlags flags = OpenFlags.O_RDONLY, uint mode = 0x180) =>
        (ulong)Succeeds(SyscallNumber.open, Text(path), (ulong)flags, mode);

    /// <summary>What a link says, or the name of an error.</summary>
    public string ReadLink(string path)
    {
        long length = Call(SyscallNumber.readlink, Text(path), Buffer, 0x800);
        return length < 0 ? ((Errno)(-length)).ToString() : Read(Buffer, length);
    }

    public string ReadFile(string path)
    {
        ulong fd = Open(path);
        string text = Read(Buffer, Succeeds(SyscallNumber.read, fd, Buffer, 0x1000));
        Succeeds(SyscallNumber.close, fd);
        return text;
    }

    public Stat GetStat(ulong fd)
    {
        Succeeds(SyscallNumber.fstat, fd, Buffer);
        return Guest.Read<Stat>(Buffer);
    }
}

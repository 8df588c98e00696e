using System.Buffers.Binary;
using System.Text;

namespace Semitone.Cli.Posix;

/// <summary>A shell that waits for our end and then puts the terminal back, should we be killed before we could (SIGKILL).</summary>
/// <remarks>
/// It is in a session of its own: what is sent to our process group does not reach it, and no rule of job control keeps it from the
/// terminal. It leaves the terminal alone when that is not as we made it: somebody else has taken it over.
/// </remarks>
internal sealed class TerminalGuard
{
    private const int FlagWords = 4;
    private const int LineDiscipline = 16;
    private const int ControlCharacterCount = 32;
    private const short POSIX_SPAWN_SETSIGDEF = 4;
    private const short POSIX_SPAWN_SETSIGMASK = 8;
    private const short POSIX_SPAWN_SETSID = 0x80;
    private const int OpaqueSize = 512;

    // A line says that all is well, the end of the file that nobody is left to say so.
    private const string Script = "read -r word || [ \"$(stty -g <&3)\" != \"$1\" ] || stty \"$2\" <&3";

    private readonly int _pipe;

    private TerminalGuard(int pipe)
    {
        _pipe = pipe;
    }

    /// <summary>Starts it.</summary>
    /// <param name="terminal">A descriptor of the terminal.</param>
    /// <param name="ours">The settings (struct termios) that we have made.</param>
    /// <param name="former">Those to put back.</param>
    /// <returns>Null where it could not be started: then nobody guards.</returns>
    public static TerminalGuard? Start(int terminal, ReadOnlySpan<byte> ours, ReadOnlySpan<byte> former)
    {
        int[] ends = new int[2];
        if (LibC.pipe2(ends, LibC.O_CLOEXEC) != 0)
        {
            return null;
        }

        byte[] actions = new byte[OpaqueSize];
        byte[] attributes = new byte[OpaqueSize];
        byte[] all = new byte[128];
        Array.Fill(all, (byte)0xFF);
        LibC.posix_spawn_file_actions_init(actions);
        LibC.posix_spawn_file_actions_adddup2(actions, terminal, 3);
        LibC.posix_spawn_file_actions_adddup2(actions, ends[0], 0);
        LibC.posix_spawn_file_actions_addopen(actions, 1, "/dev/null", LibC.O_WRONLY, 0);
        LibC.posix_spawn_file_actions_adddup2(actions, 1, 2);
        LibC.posix_spawnattr_init(attributes);
        LibC.posix_spawnattr_setsigmask(attributes, new byte[128]);
        LibC.posix_spawnattr_setsigdefault(attributes, all);
        LibC.posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
        const string Shell = "/bin/sh";
        using StringArray arguments = new([Shell, "-c", Script, "semitone-terminal", Describe(ours), Describe(former)]);
        using StringArray environment = new(["PATH=/usr/bin:/bin"]);
        int result = LibC.posix_spawnp(out _, HostText.ToCString(Shell), actions, attributes, arguments.Pointers, environment.Pointers);
        LibC.posix_spawn_file_actions_destroy(actions);
        LibC.close(ends[0]);
        if (result != 0)
        {
            LibC.close(ends[1]);
            return null;
        }

        return new TerminalGuard(ends[1]);
    }

    /// <summary>Sends it home: the terminal is as it was.</summary>
    public void Dismiss()
    {
        Descriptor.TryWrite(_pipe, "\n"u8);
        LibC.close(_pipe);
    }

    /// <summary>Writes settings as stty(1) reads and prints them with -g.</summary>
    private static string Describe(ReadOnlySpan<byte> attributes)
    {
        StringBuilder text = new();
        for (int i = 0; i < FlagWords; i++)
        {
            text.Append($"{BinaryPrimitives.ReadUInt32LittleEndian(attributes[(4 * i)..]):x}:");
        }

        return text.AppendJoin(
            ':', attributes.Slice(LineDiscipline + 1, ControlCharacterCount).ToArray().Select(value => value.ToString("x"))).ToString();
    }
}

namespace Semitone.Cli.Posix;

/// <summary>What the processes that the command starts have in common (posix_spawnattr_init(3)).</summary>
internal static class SpawnAttributes
{
    /// <summary>Bytes that hold a C library's attributes, or its file actions, of whichever library it is.</summary>
    public const int OpaqueSize = 512;

    private const short POSIX_SPAWN_SETSIGDEF = 4;
    private const short POSIX_SPAWN_SETSIGMASK = 8;
    private const short POSIX_SPAWN_SETSID = 0x80;
    private const int SignalSetSize = 128;

    /// <summary>Makes attributes for a session of its own, with no signal blocked or ignored.</summary>
    public static byte[] Create()
    {
        byte[] attributes = new byte[OpaqueSize];
        LibC.posix_spawnattr_init(attributes);
        LibC.posix_spawnattr_setsigmask(attributes, new byte[SignalSetSize]);
        byte[] all = new byte[SignalSetSize];
        Array.Fill(all, (byte)0xFF);
        LibC.posix_spawnattr_setsigdefault(attributes, all);
        LibC.posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
        return attributes;
    }
}

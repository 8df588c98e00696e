using Semitone.Abi;

namespace Semitone.Files;

/// <summary>The speeds that the modes of a terminal name (termios(3), "Line speed").</summary>
internal static class TerminalSpeed
{
    private const TermiosControl Extended = (TermiosControl)0x1000;

    private static ReadOnlySpan<uint> Slow => [0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400];

    private static ReadOnlySpan<uint> Fast =>
    [
        0, 57600, 115200, 230400, 460800, 500000, 576000, 921600, 1000000, 1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000,
    ];

    /// <summary>Whether the modes say the speed themselves (all but BOTHER).</summary>
    public static bool IsNamed(TermiosControl modes) => (modes & TermiosControl.CBAUD) != Extended;

    /// <summary>Bits a second; 0 for BOTHER.</summary>
    public static uint Get(TermiosControl modes)
    {
        int index = (int)(modes & TermiosControl.CBAUD & ~Extended);
        return (modes & Extended) != 0 ? Fast[index] : Slow[index];
    }
}

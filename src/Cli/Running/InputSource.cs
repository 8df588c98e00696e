using Semitone.Cli.Posix;
using Semitone.HostLink;

namespace Semitone.Cli.Running;

/// <summary>Standard input that is no terminal, as it is read for the guest.</summary>
/// <remarks>
/// Each request of the guest's costs a way there and back over the serial line, which takes longer than a hundred bytes do. A regular file
/// is therefore read ahead, more with each request, and its offset set back at the end to what the program has taken (lseek(2)), as shells
/// do it for their read. What has been read from anything else cannot be given back, so no more is read than was asked for.
/// </remarks>
internal sealed class InputSource
{
    /// <summary>What a program that reads little is given after its first request; doubled with each that follows.</summary>
    private const int LeastAhead = 64;

    private readonly int _descriptor;
    private readonly bool _canGiveBack;
    private readonly Lock _lock = new();
    private uint _total;
    private int _ahead;
    private bool _isGivenBack;

    public InputSource(int descriptor)
    {
        _descriptor = descriptor;
        bool isFile = FileStatus.TryReadOpen(descriptor, out FileStatus status) && status.IsRegular;
        _canGiveBack = isFile && LibC.lseek(descriptor, 0, LibC.SEEK_CUR) >= 0;
    }

    /// <summary>Reads once.</summary>
    /// <param name="buffer">Holds at least <see cref="LinkFormat.InputRoom"/> bytes.</param>
    /// <param name="wanted">What a read takes that waits in the guest, which holds nothing else.</param>
    /// <returns>Bytes read; 0 at the end.</returns>
    public int Read(Span<byte> buffer, int wanted)
    {
        if (!_canGiveBack)
        {
            return Descriptor.Read(_descriptor, buffer[..wanted]);
        }

        lock (_lock)
        {
            if (_isGivenBack)
            {
                return 0;
            }

            int length = Descriptor.Read(_descriptor, buffer[..Math.Max(wanted, _ahead)]);
            _ahead = Math.Min(Math.Max(LeastAhead, 2 * _ahead), LinkFormat.InputRoom);
            _total += (uint)length;
            return length;
        }
    }

    /// <summary>Gives back what the program has not taken; nothing is read from here on.</summary>
    /// <param name="taken">Bytes that the program has taken in all, modulo 2^32.</param>
    public void GiveBack(uint taken)
    {
        lock (_lock)
        {
            if (_canGiveBack && !_isGivenBack)
            {
                _isGivenBack = true;
                LibC.lseek(_descriptor, -(long)(_total - taken), LibC.SEEK_CUR);
            }
        }
    }
}

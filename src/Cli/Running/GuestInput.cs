using System.Diagnostics;
using Semitone.Cli.Posix;
using Semitone.HostLink;

namespace Semitone.Cli.Running;

/// <summary>
/// The line into the machine, which standard input, signals, the terminal's size and answers to the kernel's question for the time share.
/// </summary>
/// <remarks>
/// <see cref="Answer"/> never waits: it is called by the thread that takes the machine's output, and a machine whose output nobody takes
/// does not take input either. An answer that finds the line taken goes out behind what is being sent, or not at all; the kernel asks
/// again.
/// </remarks>
internal sealed class GuestInput(int descriptor)
{
    private readonly Lock _lineLock = new();
    private readonly Lock _answerLock = new();
    private readonly byte[] _answer = new byte[LinkFormat.TimeSize];
    private bool _hasAnswer;

    /// <summary>Sends bytes, waiting until the machine takes them.</summary>
    /// <returns>False when it takes no more.</returns>
    public bool Send(ReadOnlySpan<byte> bytes)
    {
        lock (_lineLock)
        {
            return Descriptor.TryWrite(descriptor, bytes) && SendAnswer();
        }
    }

    /// <summary>Tells the kernel the time, as it is now.</summary>
    public void Answer(byte sequence)
    {
        long realtimeNs = (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * (1_000_000_000 / TimeSpan.TicksPerSecond);
        ulong monotonicUs = (ulong)Stopwatch.GetElapsedTime(0).TotalMicroseconds;
        lock (_answerLock)
        {
            InputEncoder.WriteTime(_answer, sequence, realtimeNs, monotonicUs);
            _hasAnswer = true;
        }

        if (_lineLock.TryEnter())
        {
            try
            {
                if (Descriptor.CanWrite(descriptor))
                {
                    SendAnswer();
                }
            }
            finally
            {
                _lineLock.Exit();
            }
        }
    }

    private bool SendAnswer()
    {
        Span<byte> answer = stackalloc byte[LinkFormat.TimeSize];
        lock (_answerLock)
        {
            if (!_hasAnswer)
            {
                return true;
            }

            _answer.CopyTo(answer);
            _hasAnswer = false;
        }

        return Descriptor.TryWrite(descriptor, answer);
    }
}

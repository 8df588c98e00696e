using Semitone.Core;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>What every file system needs of the rest of the kernel.</summary>
public sealed class FileServices(FramePool frames, Timekeeper clock, RandomGenerator random)
{
    public FramePool Frames { get; } = frames;

    public Timekeeper Clock { get; } = clock;

    public RandomGenerator Random { get; } = random;

    /// <summary>Which answers from outside are younger than the call that is served now.</summary>
    public FetchClock Fetches { get; } = new();

    /// <summary>The names that are known of files which are kept outside.</summary>
    public NameCache Names { get; init; } = NameCache.ForFrames(frames.TotalCount);

    /// <summary>The pages that are here of such files.</summary>
    public PageClock Pages { get; } = new();

    /// <summary>Who watches files.</summary>
    public FileWatches Watches { get; } = new();

    /// <summary>Who makes changes now; null while there are no processes.</summary>
    public IFileCaller? Caller { get; set; }

    /// <summary>The pseudo-terminals; null where there are none.</summary>
    public PtsFileSystem? PseudoTerminals { get; internal set; }

    /// <summary>Who gets the signals of terminals; null while there are no processes.</summary>
    public ITerminalOwner? TerminalOwner { get; set; }

    /// <summary>What takes signals of files to their owners; null while there are no processes.</summary>
    public IFileSignalSender? SignalSender { get; set; }

    /// <summary>The kernel's log, as programs read it; null while there are no processes.</summary>
    public SystemLog? Log { get; set; }

    /// <summary>The drivers behind device nodes, whatever file system the nodes are in.</summary>
    public DeviceTable Devices { get; } = new();
}

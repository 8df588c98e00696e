using Semitone.Abi;

namespace Semitone.Files;

/// <summary>The driver of /dev/ptmx and /dev/pts/ptmx: each open(2) makes a new pair (pty(7)).</summary>
internal sealed class MasterDevice(PtsFileSystem terminals) : CharacterDevice
{
    public static readonly DeviceNumber Number = new(5, 2);

    public override Errno Open(Inode node, OpenFlags flags, out OpenFile? file)
    {
        file = null;
        Errno error = terminals.Add(out PseudoTerminal? pair);
        file = pair is not null ? new OpenMaster(node, pair, flags) : null;
        return error;
    }
}

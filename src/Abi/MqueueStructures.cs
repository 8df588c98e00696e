using System.Runtime.InteropServices;

namespace Semitone.Abi;

/// <summary>Attributes of a POSIX message queue (mq_getattr(3)).</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
public struct MqAttr
{
    public OpenFlags mq_flags;
    private readonly uint _flagsHigh;
    public long mq_maxmsg;
    public long mq_msgsize;
    public long mq_curmsgs;

    /// <summary>Whether the upper half of the flags, which is a long, is empty.</summary>
    public readonly bool HasOnlyFlags => _flagsHigh == 0;
}

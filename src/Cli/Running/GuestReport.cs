using System.Text;
using Semitone.HostLink;

namespace Semitone.Cli.Running;

/// <summary>What the kernel has told about the program over the host link.</summary>
internal sealed class GuestReport
{
    /// <summary>The status that the program's end means; null while it runs.</summary>
    public int? Status { get; private set; }

    /// <summary>The signal that ended the program; 0 for none.</summary>
    public int Signal { get; private set; }

    public bool HasPanicked { get; private set; }

    /// <summary>Whether the kernel has said that it is up.</summary>
    public bool IsReady { get; private set; }

    public string? Statistics { get; private set; }

    /// <summary>The system calls that the program made and the kernel does not have; null for none.</summary>
    public string? MissingCalls { get; private set; }

    public void Add(ControlKind kind, ReadOnlySpan<byte> body)
    {
        switch (kind)
        {
            case ControlKind.Ready:
                IsReady = true;
                break;
            case ControlKind.Exited when body.Length == 1:
            case ControlKind.LoadFailed when body.Length == 1:
                Status = body[0];
                break;
            case ControlKind.Killed when body.Length == 1:
                Signal = body[0] & 0x7F;
                Status = ExitStatus.SignalBase + Signal;
                break;
            case ControlKind.Panic:
                HasPanicked = true;
                break;
            case ControlKind.MissingCalls when body.Length > 0:
                MissingCalls = Encoding.UTF8.GetString(body);
                break;
            case ControlKind.Statistics:
                Statistics = Encoding.UTF8.GetString(body);
                break;
        }
    }
}

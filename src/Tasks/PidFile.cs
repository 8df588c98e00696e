using System.Diagnostics.CodeAnalysis;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;

namespace Semitone.Tasks;

/// <summary>A descriptor that stands for a process or a thread (pidfd_open(2)): unlike a number it never means another one.</summary>
public sealed class PidFile : OpenFile
{
    private GuestThread? _target;

    /// <summary>Makes one that stands for nobody yet: see <see cref="SetTarget"/>.</summary>
    public PidFile(AnonymousFileSystem fileSystem, OpenFlags flags)
        : base(fileSystem.CreateInode("anon_inode:[pidfd]"), flags | OpenFlags.O_RDWR)
    {
    }

    /// <summary>The process, or null while it stands for nobody.</summary>
    public Process? Process => _target?.Process;

    /// <summary>Whether it stands for one thread alone (PIDFD_THREAD).</summary>
    public bool IsOfThread { get; init; }

    /// <summary>The thread, or the first one of the process.</summary>
    public GuestThread? Target => IsOfThread ? _target : _target?.Process.FirstThread;

    /// <summary>Says whom it stands for.</summary>
    public void SetTarget(GuestThread target) => _target = target;

    /// <summary>Tells the process while its parent may still ask how it ended.</summary>
    public bool TryGetLiving([NotNullWhen(true)] out Process? process)
    {
        process = Process;
        return process is { IsReaped: false };
    }

    /// <inheritdoc/>
    public override PollEvents Poll()
    {
        bool hasEnded = _target is { } target && (target.Process.HasEnded || (IsOfThread && target.HasEnded));
        PollEvents events = hasEnded ? PollEvents.POLLIN | PollEvents.POLLRDNORM : PollEvents.None;
        return hasEnded && Process!.IsReaped ? events | PollEvents.POLLHUP : events;
    }

    /// <inheritdoc/>
    public override void Enlist(IQueueMember waiter, PollEvents events)
    {
        if (Process is { } process)
        {
            waiter.Enlist(process.Ends);
        }
    }
}

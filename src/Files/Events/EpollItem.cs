using Semitone.Abi;
using Semitone.Core;

namespace Semitone.Files;

/// <summary>One file that an epoll instance watches, by one descriptor.</summary>
internal sealed class EpollItem(OpenEpoll epoll, Fd fd, OpenFile file) : WaitListener
{
    public OpenEpoll Epoll { get; } = epoll;

    public Fd Fd { get; } = fd;

    public OpenFile File { get; } = file;

    /// <summary>What is asked for, with the flags that say how.</summary>
    public EpollEvents Events { get; set; }

    /// <summary>What the program wants to get back.</summary>
    public ulong Data { get; set; }

    /// <summary>Whether it stands in the instance's list of those that may be ready.</summary>
    public bool IsListed { get; set; }

    public EpollItem? NextReady { get; set; }

    public EpollItem? PreviousReady { get; set; }

    /// <summary>The next item with the same descriptor: a descriptor may be used anew while a duplicate keeps its old file open.</summary>
    public EpollItem? NextOfFd { get; set; }

    /// <summary>The next item of the same file, in whatever instance.</summary>
    public EpollItem? NextOfFile { get; set; }

    /// <summary>Whether EPOLLONESHOT has put it to rest until the next EPOLL_CTL_MOD.</summary>
    public bool IsDisabled => (Events & ~OpenEpoll.BehaviourFlags) == 0;

    /// <summary>What the file is ready for, of what is asked for.</summary>
    public EpollEvents Look() => (EpollEvents)(uint)File.Poll() & Events & ~OpenEpoll.BehaviourFlags;

    public void Remove() => Epoll.Remove(this);

    /// <inheritdoc/>
    protected override void OnWake() => Epoll.OnWake(this);
}

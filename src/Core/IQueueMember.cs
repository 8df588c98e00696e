namespace Semitone.Core;

/// <summary>What can join a <see cref="WaitQueue"/>: a thread that waits once, or a listener that hears every wake.</summary>
public interface IQueueMember
{
    /// <summary>Joins a queue, one of any number.</summary>
    void Enlist(WaitQueue queue);
}

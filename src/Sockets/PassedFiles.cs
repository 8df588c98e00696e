using Semitone.Files;

namespace Semitone.Sockets;

/// <summary>Open files on their way through a socket (SCM_RIGHTS in unix(7)).</summary>
public sealed class PassedFiles(RightsInFlight owner, OpenFile[] files, UserFiles user)
{
    /// <summary>Each holds a reference, until <see cref="Release"/> or until it has a descriptor.</summary>
    public OpenFile[] Files => files;

    /// <summary>Whose they are, for the limit on such files.</summary>
    internal UserFiles User => user;

    /// <summary>Whether they lie in a queue.</summary>
    internal bool IsInFlight { get; set; }

    /// <summary>The next of those that are being let go.</summary>
    internal PassedFiles? Next { get; set; }

    /// <summary>Lets all of them go.</summary>
    public void Release() => owner.Release(this);

    /// <summary>Makes another one of the same files, for somebody who only looks (MSG_PEEK).</summary>
    internal PassedFiles Duplicate()
    {
        PassedFiles copy = new(owner, files, user);
        foreach (OpenFile file in files)
        {
            file.AddReference();
        }

        return copy;
    }
}

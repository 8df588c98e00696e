using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;

namespace Semitone.Sockets;

/// <summary>Which open files lie in queues of sockets: how many of each user, and which of them nobody can ever take out.</summary>
/// <remarks>
/// A socket of AF_UNIX that was sent through another one may be reachable through its own queue only, or two through each other's: no
/// descriptor is left, and no reference counter gets to 0. Such a circle consists of sockets all of whose references lie in queues of
/// sockets like them (unix(7), SCM_RIGHTS). <see cref="Collect"/> finds them by counting, without allocating.
/// </remarks>
public sealed class RightsInFlight
{
    private readonly Dictionary<uint, UserFiles> _users = [];
    private UnixSocket? _first;
    private PassedFiles? _released;
    private bool _isReleasing;
    private bool _isCollecting;
    private bool _isCollectionDue;

    /// <summary>Tells whether a user may send more: no more in flight than descriptors that the caller may have.</summary>
    public bool MaySend(ISocketCaller caller) =>
        !_users.TryGetValue(caller.Credentials.UserId, out UserFiles? user)
        || (ulong)user.Count <= caller.DescriptorLimit
        || caller.Has(Capability.CAP_SYS_RESOURCE)
        || caller.Has(Capability.CAP_SYS_ADMIN);

    /// <summary>Gets the count of a user, before anybody holds references: what follows allocates nothing.</summary>
    public UserFiles GetUser(uint userId)
    {
        if (!_users.TryGetValue(userId, out UserFiles? user))
        {
            user = new UserFiles(userId);
            _users.Add(userId, user);
        }

        return user;
    }

    /// <summary>Notes files that have been put into a queue.</summary>
    internal void Attach(PassedFiles files)
    {
        Count(files.User, files.Files.Length);
        files.IsInFlight = true;
        foreach (OpenFile file in files.Files)
        {
            if (file is UnixSocket socket && socket.InFlight++ == 0)
            {
                socket.NextInFlight = _first;
                socket.PreviousInFlight = null;
                if (_first is not null)
                {
                    _first.PreviousInFlight = socket;
                }

                _first = socket;
            }
        }
    }

    /// <summary>Notes files that have left a queue.</summary>
    internal void Detach(PassedFiles files)
    {
        files.IsInFlight = false;
        Count(files.User, -files.Files.Length);
        foreach (OpenFile file in files.Files)
        {
            if (file is UnixSocket socket && --socket.InFlight == 0)
            {
                Unlink(socket);
            }
        }
    }

    /// <summary>
    /// Lets files go. Those may be sockets with files in their queues, and so on: one after the other, not one in the other.
    /// </summary>
    internal void Release(PassedFiles files)
    {
        if (files.IsInFlight)
        {
            Detach(files);
        }
        else
        {
            // Who was only prepared for is forgotten.
            Count(files.User, 0);
        }

        files.Next = _released;
        _released = files;
        if (_isReleasing)
        {
            return;
        }

        _isReleasing = true;
        while (_released is { } next)
        {
            _released = next.Next;
            foreach (OpenFile file in next.Files)
            {
                file.Release();
            }
        }

        _isReleasing = false;
        if (_isCollectionDue)
        {
            Collect();
        }
    }

    /// <summary>Empties the queues of sockets that nobody can reach any more. Asked for when a socket is closed.</summary>
    internal void Collect()
    {
        _isCollectionDue = true;
        if (_isReleasing || _isCollecting)
        {
            return;
        }

        _isCollecting = true;
        while (_isCollectionDue && _first is not null)
        {
            _isCollectionDue = false;
            FindUnreachable();
            DropUnreachable();
        }

        _isCollecting = false;
    }

    /// <summary>Marks the sockets that are in queues only, and only in queues of sockets like them.</summary>
    private void FindUnreachable()
    {
        for (UnixSocket? socket = _first; socket is not null; socket = socket.NextInFlight)
        {
            socket.IsUnreachable = socket.References == socket.InFlight;
            socket.OutsideCount = socket.InFlight;
        }

        UnixSocket? reached = null;
        for (UnixSocket? socket = _first; socket is not null; socket = socket.NextInFlight)
        {
            if (socket.IsUnreachable)
            {
                Visit(socket, isReached: false, ref reached);
            }
        }

        for (UnixSocket? socket = _first; socket is not null; socket = socket.NextInFlight)
        {
            if (socket.IsUnreachable && socket.OutsideCount > 0)
            {
                socket.IsUnreachable = false;
                socket.NextReached = reached;
                reached = socket;
            }
        }

        while (reached is { } socket)
        {
            reached = socket.NextReached;
            socket.NextReached = null;
            Visit(socket, isReached: true, ref reached);
        }
    }

    /// <summary>Goes over the sockets that lie in a queue, and in those of connections that wait to be accepted.</summary>
    /// <param name="isReached">Whether the queue can be reached: then they can, too.</param>
    private static void Visit(UnixSocket holder, bool isReached, ref UnixSocket? reached)
    {
        MessageQueue queue = holder.Queue;
        for (int i = 0; i < queue.Count; i++)
        {
            ref MessageRecord record = ref queue[i];
            if (record.Connection is { } connection)
            {
                Visit(connection, isReached, ref reached);
            }

            foreach (OpenFile file in record.Files?.Files ?? [])
            {
                if (file is not UnixSocket { IsUnreachable: true } socket)
                {
                    continue;
                }

                if (isReached)
                {
                    socket.IsUnreachable = false;
                    socket.NextReached = reached;
                    reached = socket;
                }
                else
                {
                    socket.OutsideCount--;
                }
            }
        }
    }

    private void DropUnreachable()
    {
        // Emptying a queue closes sockets, which leave the list: from its start again after each.
        for (UnixSocket? socket = _first; socket is not null;)
        {
            if (!socket.IsUnreachable)
            {
                socket = socket.NextInFlight;
                continue;
            }

            socket.IsUnreachable = false;
            socket.AddReference();
            socket.DropPassedFiles();
            socket.Release();
            socket = _first;
        }
    }

    private void Count(UserFiles user, int change)
    {
        user.Count += change;
        if (user.Count == 0)
        {
            _users.Remove(user.UserId);
        }
    }

    private void Unlink(UnixSocket socket)
    {
        if (socket.PreviousInFlight is null)
        {
            _first = socket.NextInFlight;
        }
        else
        {
            socket.PreviousInFlight.NextInFlight = socket.NextInFlight;
        }

        if (socket.NextInFlight is not null)
        {
            socket.NextInFlight.PreviousInFlight = socket.PreviousInFlight;
        }

        socket.NextInFlight = null;
        socket.PreviousInFlight = null;
    }
}

/// <summary>How many open files of a user lie in queues.</summary>
public sealed class UserFiles(uint userId)
{
    internal uint UserId => userId;

    internal int Count { get; set; }
}

namespace Semitone.NineP;

/// <summary>A client's name for a file of the server (a file identifier), counted: the last reference clunks it.</summary>
/// <remarks>
/// It has one owner, who may lend it to a request that is under way by a reference. Its number is another file's only after the server has
/// said that it is free.
/// </remarks>
public sealed class Fid
{
    private readonly Connection _connection;
    private int _references = 1;
    private bool _isOnServer;

    internal Fid(Connection connection, uint number)
    {
        _connection = connection;
        Number = number;
    }

    public uint Number { get; }

    /// <summary>The file that it stands for; valid once a walk, an attach or a create has been served.</summary>
    public Qid Qid { get; private set; }

    internal Fid? NextToClunk { get; set; }

    /// <summary>Notes that the server knows it now.</summary>
    public void Establish(Qid qid)
    {
        Qid = qid;
        if (!_isOnServer)
        {
            _isOnServer = true;
            _connection.LiveFidCount++;
        }
    }

    /// <summary>Notes that the server knows it no longer: a request took it along (Tclunk, Tremove).</summary>
    public void Forget()
    {
        if (_isOnServer)
        {
            _isOnServer = false;
            _connection.LiveFidCount--;
        }
    }

    public void AddReference() => _references++;

    public void Release()
    {
        if (--_references == 0)
        {
            if (_isOnServer)
            {
                _connection.Clunk(this);
            }
            else
            {
                _connection.FreeNumber(this);
            }
        }
    }
}

using Semitone.Abi;
using Semitone.Core;
using Semitone.Fakes;
using Semitone.NineP;

namespace Semitone.Unit.NineP;

/// <summary>Tags, fids and answers of a server that does what it likes.</summary>
public sealed class ConnectionTests
{
    private static readonly byte[] s_qid = [0x80, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0];

    private readonly FakeMachine _machine = new();
    private readonly Executor _executor;
    private readonly ScriptedTransport _server;
    private readonly Connection _connection;
    private readonly Client _client;
    private readonly Fid _root;

    public ConnectionTests()
    {
        _executor = new Executor(_machine.Cpu, _machine.Clock);
        _server = new ScriptedTransport(_machine);
        _connection = new Connection(_executor, _server);
        _client = new Client(_connection);
        _root = _connection.MakeFid()!;
        ValueTask<Errno> attach = _client.AttachAsync(_root, "root"u8.ToArray(), default, 0);
        _server.Answer(s_qid);
        Assert.Equal(Errno.None, Finish(attach));
    }

    [Fact]
    public void Answers_InAnyOrder_ReachTheirOwners()
    {
        ValueTask<Outcome<RemoteAttributes>>[] asked = [.. Enumerable.Range(0, 10).Select(_ => _client.GetAttributesAsync(_root))];
        ScriptedTransport.Sent[] sent = [.. _server.Pending];
        Assert.Equal(10, sent.Select(s => s.Tag).Distinct().Count());
        foreach (int i in (int[])[7, 0, 9, 3, 1, 2, 8, 6, 5, 4])
        {
            _server.Refuse(sent[i], (uint)(i + 1));
        }

        Run();
        Assert.Equal(Enumerable.Range(1, 10), asked.Select(task => (int)task.Result.Error));
        Assert.Equal(0, _connection.RentedCount);
    }

    [Fact]
    public void Requests_MoreThanThereAre_WaitForTheirTurn()
    {
        const int Count = Connection.RequestCount * 3;
        ValueTask<Errno>[] asked = [.. Enumerable.Range(0, Count).Select(_ => _client.SynchronizeAsync(_root, false))];
        Assert.Equal(Connection.RequestCount, _server.Pending.Count);
        while (_server.Pending.Count != 0)
        {
            _server.Answer();
            Run();
        }

        Assert.All(asked, task => Assert.Equal(Errno.None, task.Result));
        Assert.Equal(0, _connection.RentedCount);
    }

    [Fact]
    public void Ring_IsFull_RequestsAreSentWhenThereIsRoom()
    {
        _server.Room = 2;
        ValueTask<Errno>[] asked = [.. Enumerable.Range(0, 5).Select(_ => _client.SynchronizeAsync(_root, false))];
        for (int i = 0; i < 5; i++)
        {
            Assert.InRange(_server.Pending.Count, 1, 2);
            _server.Answer();
            Run();
        }

        Assert.All(asked, task => Assert.Equal(Errno.None, task.Result));
    }

    public static TheoryData<string> Madness => ["wrong tag", "wrong type", "too short", "too long", "nothing", "twice", "unasked"];

    [Theory]
    [MemberData(nameof(Madness))]
    public void Server_AnswersWhatCannotBe_IsEIOForAllAtOnceAndEverAfter(string what)
    {
        ValueTask<Errno> first = _client.SynchronizeAsync(_root, false);
        ValueTask<Errno> second = _client.SynchronizeAsync(_root, false);
        ValueTask<Errno>[] waiting = [.. Enumerable.Range(0, 40).Select(_ => _client.SynchronizeAsync(_root, false))];
        ScriptedTransport.Sent sent = _server.Pending[0];
        byte[] reply = ScriptedTransport.Reply(MessageType.Tfsync + 1, sent.Tag, []);
        switch (what)
        {
            case "wrong tag":
                reply[5]++;
                _server.Give(sent, reply, reply.Length);
                break;
            case "wrong type":
                reply[4] = (byte)MessageType.Tread + 1;
                _server.Give(sent, reply, reply.Length);
                break;
            case "too short":
                _server.Give(sent, reply, 6);
                break;
            case "too long":
                _server.Give(sent, reply, 100_000);
                break;
            case "nothing":
                _server.Give(sent, reply, 0);
                break;
            case "twice":
                _server.Give(sent, reply, reply.Length);
                sent.Request.OnReply(7);
                break;
            default:
                _server.Answer(sent);
                Run();
                Assert.Equal(Errno.None, Finish(first));
                first = _client.SynchronizeAsync(_root, false);
                _server.Pending.First(s => s.Request != sent.Request).Request.OnReply(7);
                _server.Pending.Clear();
                break;
        }

        Run();
        Assert.True(_connection.IsDead);
        Assert.True(_server.IsStopped);
        Assert.Equal(Errno.EIO, Finish(first));
        Assert.Equal(Errno.EIO, Finish(second));
        Assert.All(waiting, task => Assert.Equal(Errno.EIO, task.Result));
        Assert.Equal(Errno.EIO, Finish(_client.SynchronizeAsync(_root, false)));
        _root.Release();
        Run();
        Assert.Equal(0, _connection.RentedCount);
        Assert.Equal(0, _connection.LiveFidCount);
    }

    [Fact]
    public void Transport_Breaks_IsEIOForAll()
    {
        ValueTask<Errno> asked = _client.SynchronizeAsync(_root, false);
        _connection.OnTransportFailed();
        Assert.Equal(Errno.EIO, Finish(asked));
    }

    [Fact]
    public void Walk_StopsOnTheWay_TheFidIsNotTheServers()
    {
        Fid fid = _connection.MakeFid()!;
        ValueTask<Errno> walk = _client.WalkAsync(_root, fid, "a/b"u8.ToArray());
        _server.Answer([1, 0, .. s_qid]);
        Assert.Equal(Errno.EAGAIN, Finish(walk));
        fid.Release();
        Run();
        Assert.Empty(_server.Pending);
        Assert.Equal(1, _connection.LiveFidCount);
    }

    [Fact]
    public void Fid_LastReferenceGoes_IsClunkedOnceAndItsNumberIsFreeAfterwards()
    {
        Fid fid = Walk("a");
        fid.AddReference();
        fid.Release();
        Assert.Empty(_server.Pending);
        fid.Release();
        ScriptedTransport.Sent clunk = Assert.Single(_server.Pending);
        Assert.Equal((MessageType.Tclunk, fid.Number), (clunk.Type, clunk.Fid));
        Assert.NotEqual(fid.Number, _connection.MakeFid()!.Number);
        _server.Answer(clunk);
        Run();
        Assert.Equal(fid.Number, _connection.MakeFid()!.Number);
        Assert.Equal(1, _connection.LiveFidCount);
    }

    [Fact]
    public void Fids_ReleasedWhileNoRequestIsFree_AreClunkedLater()
    {
        Fid[] fids = [Walk("a"), Walk("b"), Walk("c")];
        ValueTask<Errno>[] asked = [.. Enumerable.Range(0, 35).Select(_ => _client.SynchronizeAsync(_root, false))];
        Array.ForEach(fids, fid => fid.Release());
        Assert.DoesNotContain(_server.Pending, sent => sent.Type == MessageType.Tclunk);
        List<uint> clunked = [];
        while (_server.Pending.Count != 0)
        {
            ScriptedTransport.Sent sent = _server.Answer();
            if (sent.Type == MessageType.Tclunk)
            {
                clunked.Add(sent.Fid);
            }

            Run();
        }

        Assert.Equal(fids.Select(fid => fid.Number), clunked);
        Assert.All(asked, task => Assert.Equal(Errno.None, task.Result));
        Assert.Equal(1, _connection.LiveFidCount);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Flush_ServerForgetsTheRequest_IsEINTRWhenItHasAgreed(bool keepsBuffers)
    {
        _server.KeepsFlushed = keepsBuffers;
        object owner = new();
        ValueTask<Outcome<RemoteAttributes>> asked = _client.GetAttributesAsync(_root, owner);
        ScriptedTransport.Sent old = _server.Pending[0];
        _connection.FlushAll(owner);
        ScriptedTransport.Sent flush = _server.Pending[^1];
        Assert.Equal((MessageType.Tflush, old.Tag), (flush.Type, BitConverter.ToUInt16(flush.Message, 7)));
        if (keepsBuffers)
        {
            // QEMU gives the chain back, empty, before it says Rflush.
            _server.Give(old, [], 0);
        }

        Run();
        Assert.False(asked.IsCompleted);
        _server.Answer(flush);
        Run();
        Assert.Equal(Errno.EINTR, Finish(asked).Error);
        Assert.Equal(0, _connection.RentedCount);
        Assert.False(_connection.IsDead);
    }

    [Fact]
    public void Flush_AnswerComesBeforeTheServerHears_Counts()
    {
        object owner = new();
        ValueTask<Errno> asked = _client.OpenAsync(_root, OpenFlags.O_RDONLY, owner);
        ScriptedTransport.Sent old = _server.Pending[0];
        _connection.FlushAll(owner);
        ScriptedTransport.Sent flush = _server.Pending[^1];
        _server.Answer(old, [.. s_qid, 0, 0, 0, 0]);
        Run();
        Assert.Equal(Errno.None, Finish(asked));

        // The tag is taken until the server has answered the flush.
        Assert.Equal(2, _connection.RentedCount);
        _server.Answer(flush);
        Run();
        Assert.Equal(0, _connection.RentedCount);
    }

    [Fact]
    public void Flush_AllRequestsAreStalled_StillGetsThrough()
    {
        object owner = new();
        ValueTask<Outcome<RemoteAttributes>>[] asked =
            [.. Enumerable.Range(0, Connection.RequestCount).Select(_ => _client.GetAttributesAsync(_root, owner))];
        _connection.FlushAll(owner);
        for (int i = 0; i < Connection.RequestCount; i++)
        {
            _server.Answer(_server.Pending.First(sent => sent.Type == MessageType.Tflush));
            Run();
        }

        Assert.All(asked, task => Assert.Equal(Errno.EINTR, task.Result.Error));
        Assert.Equal(0, _connection.RentedCount);
        Assert.Empty(_server.Pending);
    }

    [Theory]
    [InlineData("9P2000.L", 4096u, Errno.None)]
    [InlineData("unknown", 4096u, Errno.EPROTONOSUPPORT)]
    [InlineData("9P2000.L", 512u, Errno.EMSGSIZE)]
    [InlineData("9P2000.L", 1u << 30, Errno.EIO)]
    public void Version_IsAgreedOnOrNot(string version, uint size, Errno expected)
    {
        ValueTask<Errno> asked = _client.NegotiateAsync(65536);
        byte[] text = System.Text.Encoding.ASCII.GetBytes(version);
        _server.Answer([.. BitConverter.GetBytes(size), (byte)text.Length, 0, .. text]);
        Assert.Equal(expected, Finish(asked));
        Assert.Equal(expected == Errno.None ? 4096 - 23 : 0, _client.MaximumTransfer);
    }

    [Fact]
    public void Read_CountsMoreThanHasCome_IsMadness()
    {
        Segment[] room = [new Segment(new byte[4096], 0, 4096)];
        ValueTask<Outcome<int>> asked = _client.ReadAsync(_root, 0, room, 0, 1, 0);
        _server.Answer([5, 0, 0, 0, 1, 2, 3, 4]);
        Run();
        Assert.Equal(Errno.EIO, Finish(asked).Error);
        Assert.True(_connection.IsDead);
    }

    private Fid Walk(string name)
    {
        Fid fid = _connection.MakeFid()!;
        ValueTask<Errno> walk = _client.WalkAsync(_root, fid, System.Text.Encoding.ASCII.GetBytes(name));
        _server.Answer([1, 0, .. s_qid]);
        Assert.Equal(Errno.None, Finish(walk));
        return fid;
    }

    private T Finish<T>(ValueTask<T> task)
    {
        Run();
        Assert.True(task.IsCompleted);
        return task.Result;
    }

    private void Run()
    {
        while (_executor.RunOne())
        {
        }
    }
}

using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Diagnostics;
using Semitone.Fakes;
using Semitone.NineP;

namespace Semitone.Unit.NineP;

/// <summary>Debian's 9P2000.L server on a folder of its own, at the other end of two pipes.</summary>
internal sealed class DiodServer : INinePTransport, IDisposable
{
    private const string Path = "/usr/sbin/diod";

    private readonly FakeMachine _machine;
    private readonly Process _process;
    private readonly BlockingCollection<byte[]> _replies = [];
    private readonly Dictionary<ushort, Request> _inFlight = [];

    public DiodServer(FakeMachine machine)
    {
        Assert.SkipUnless(File.Exists(Path), "diod is not installed");
        _machine = machine;
        Folder = Directory.CreateTempSubdirectory("semitone-9p-").FullName;
        ProcessStartInfo start = new(Path, ["-f", "-r", "0", "-w", "1", "-n", "-N", "-e", Folder, "-L", "stderr"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        _process = Process.Start(start)!;
        _process.ErrorDataReceived += (_, _) => { };
        _process.BeginErrorReadLine();
        Thread reader = new(ReadReplies) { IsBackground = true };
        reader.Start();
    }

    public string Folder { get; }

    public int MaximumSegments => 130;

    public int MaximumMessageSize => 65536;

    /// <summary>The requests so far.</summary>
    public List<MessageType> Requests { get; } = [];

    /// <summary>What becomes of a reply on its way: null is never delivered.</summary>
    public Func<byte[], byte[], byte[]?> Tamper { get; set; } = (_, reply) => reply;

    /// <summary>Whom to tell that the server is gone.</summary>
    public Connection? Connection { get; set; }

    public bool IsStopped { get; private set; }

    public int InFlightCount => _inFlight.Count;

    private Dictionary<ushort, byte[]> Messages { get; } = [];

    public bool TrySend(Request request)
    {
        byte[] message = ScriptedTransport.Gather(_machine, request.Sent);
        ushort tag = BinaryPrimitives.ReadUInt16LittleEndian(message.AsSpan(5));
        Requests.Add((MessageType)message[4]);
        Assert.True(_inFlight.TryAdd(tag, request), "The tag is taken.");
        Messages[tag] = message;
        try
        {
            _process.StandardInput.BaseStream.Write(message);
            _process.StandardInput.BaseStream.Flush();
        }
        catch (IOException)
        {
            Connection!.OnTransportFailed();
        }

        return true;
    }

    public bool TryForget(Request request)
    {
        _inFlight.Remove(request.Tag);
        return true;
    }

    public void Stop()
    {
        IsStopped = true;
        _inFlight.Clear();
    }

    public void Kill() => _process.Kill();

    /// <summary>Waits for a reply and gives it to its request.</summary>
    public void Deliver()
    {
        Assert.True(_replies.TryTake(out byte[]? reply, TimeSpan.FromSeconds(30)), "The server does not answer.");
        if (reply.Length == 0)
        {
            Connection!.OnTransportFailed();
            return;
        }

        ushort tag = BinaryPrimitives.ReadUInt16LittleEndian(reply.AsSpan(5));
        if (!_inFlight.Remove(tag, out Request? request))
        {
            Assert.True(IsStopped, "The server answers what was not asked.");
            return;
        }

        reply = Tamper(Messages[tag], reply);
        if (reply is not null)
        {
            ScriptedTransport.Scatter(_machine, request.Offered, reply);
            request.OnReply(reply.Length);
        }
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();

        // .NET deletes no name that is not UTF-8.
        using Process remove = Process.Start("/bin/rm", ["-rf", Folder]);
        remove.WaitForExit();
    }

    private void ReadReplies()
    {
        Stream stream = _process.StandardOutput.BaseStream;
        byte[] head = new byte[4];
        try
        {
            while (true)
            {
                stream.ReadExactly(head);
                byte[] reply = new byte[BinaryPrimitives.ReadInt32LittleEndian(head)];
                head.CopyTo(reply, 0);
                stream.ReadExactly(reply, 4, reply.Length - 4);
                _replies.Add(reply);
            }
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException)
        {
            _replies.Add([]);
        }
    }
}

using System.Buffers.Binary;
using Semitone.Net;
using Semitone.Network.Simulation;

namespace Semitone.Network.Tcp;

/// <summary>Segments that nobody in his right mind sends, into each state: nothing throws, nothing leaks, nothing grows.</summary>
public sealed class FuzzTests
{
    private const string CountVariable = "SEMITONE_TCP_FUZZ";
    private const int SegmentsPerRun = 300;

    [Fact]
    public void Segments_Mutated_HarmNothing()
    {
        int count = int.TryParse(Environment.GetEnvironmentVariable(CountVariable), out int runs) ? runs : 300;
        for (int seed = 1; seed <= count; seed++)
        {
            try
            {
                Attack((ulong)seed);
            }
            catch (Exception e)
            {
                Assert.Fail($"Seed {seed}: {e}");
            }
        }
    }

    [Fact]
    public void Options_OfAnyBytes_AreRead()
    {
        SeededRandom random = new(99);
        byte[] bytes = new byte[40];
        for (int i = 0; i < 100_000; i++)
        {
            for (int j = 0; j < bytes.Length; j++)
            {
                bytes[j] = (byte)(random.Next(3) == 0 ? random.Next(256) : random.Next(11));
            }

            TcpOptions options = TcpOptions.Parse(bytes.AsSpan(0, random.Next(41)));
            Assert.InRange(options.SackBlockCount, 0, TcpOptions.MaximumSackBlocks);
            Assert.InRange(options.WindowScale, (byte)0, (byte)14);
        }
    }

    private static void Attack(ulong seed)
    {
        SeededRandom random = new(seed);
        ScriptedPeer peer = new(seed, new TcpLimits { ReceiveBytes = 4 << 20 }, (uint)random.NextUInt64());
        BringTo(peer, random);
        for (int i = 0; i < SegmentsPerRun; i++)
        {
            peer.Receive(Invent(peer, random));
            Act(peer, random);
            Assert.True(peer.TakeSent().Count < 200, "an answer without end");
            Assert.True(peer.Tcp.ReceiveBytes <= 4 << 20);
        }

        peer.Connection?.Close(peer.NowNs);
        peer.Listener?.Close(peer.NowNs);
        peer.Wait(10_000_000_000_000);
        Assert.Equal(0, peer.Tcp.Table.Count);
        Assert.Equal(0, peer.Tcp.SendBytes);
        Assert.Equal(0, peer.Tcp.ReceiveBytes);
        Assert.Equal(0, peer.UsedBuffers);
        Assert.Equal(long.MaxValue, peer.Tcp.NextDeadlineNs);
    }

    /// <summary>Brings a connection to some state.</summary>
    private static void BringTo(ScriptedPeer peer, SeededRandom random)
    {
        string options = random.Next(3) switch { 0 => "", 1 => "sackok ws=3", _ => "sackok ws=7 ts=100/0" };
        string echo = options.Contains("ts=", StringComparison.Ordinal) ? "ts=101/echo" : "";
        int state = random.Next(9);
        if (state == 0)
        {
            peer.Connect();
            peer.TakeSent();
            return;
        }

        peer.Listen(random.Next(3));
        peer.Run($"in S seq=0 mss=1000 {options}");
        peer.TakeSent();
        if (state == 1)
        {
            return;
        }

        peer.Run($"in A seq=1 ack=1 {echo}");
        peer.Accept();
        if (state >= 3)
        {
            peer.Write(1 + random.Next(9000));
            peer.TakeSent();
        }

        switch (state)
        {
            case 4:
                peer.Connection.Shutdown(false, true, peer.NowNs);
                break;
            case 5:
                peer.Connection.Close(peer.NowNs);
                break;
            case 6:
                peer.Run($"in FA seq=1 ack=1 {echo}");
                break;
            case 7:
                peer.Run($"in FA seq=1 ack=1 {echo}");
                peer.TakeSent();
                peer.Connection.Shutdown(true, true, peer.NowNs);
                break;
            case 8:
                peer.Connection.Shutdown(false, true, peer.NowNs);
                peer.TakeSent();
                peer.Run($"in FA seq=1 ack=1 {echo}");
                break;
        }

        peer.TakeSent();
    }

    private static byte[] Invent(ScriptedPeer peer, SeededRandom random)
    {
        string[] kinds = ["A", "A", "PA", "FA", "S", "SA", "R", "RA", "UA", "-", "SFRPUA", "FPUA"];
        List<string> words = ["in", kinds[random.Next(kinds.Length)]];
        words.AddRange([$"seq={Near(random)}", $"ack={Near(random)}", $"win={random.Next(65536)}"]);
        if (random.Chance(0.6))
        {
            words.Add($"len={random.Next(random.Chance(0.5) ? 10 : 1400)}");
        }

        if (random.Chance(0.3))
        {
            words.Add($"urg={random.Next(2000)}");
        }

        if (random.Chance(0.5))
        {
            words.Add(random.Chance(0.5)
                ? $"ts={100 + random.Next(20)}/echo"
                : $"ts={(uint)random.NextUInt64()}/{(uint)random.NextUInt64()}");
        }

        for (int i = random.Next(5); i > 0 && peer.HasStackInitial; i--)
        {
            int start = Math.Abs(Near(random));
            words.Add($"sack={start}-{start + random.Next(3000)}");
        }

        byte[] segment = peer.Build([.. words]);
        if (random.Chance(0.2))
        {
            segment[random.Next(segment.Length)] = (byte)random.NextUInt64();
        }

        if (random.Chance(0.05))
        {
            Array.Resize(ref segment, random.Next(segment.Length + 1));
        }

        if (segment.Length >= TcpHeader.Size && random.Chance(0.98))
        {
            BinaryPrimitives.WriteUInt16BigEndian(segment, peer.Port);
            BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(2), ScriptedPeer.LocalPort);
            ScriptedPeer.Seal(segment);
        }

        return segment;
    }

    private static int Near(SeededRandom random) => random.Next(6) switch
    {
        0 => 1,
        1 => random.Next(20),
        2 => random.Next(10_000),
        3 => -random.Next(70_000),
        4 => random.Next(200_000),
        _ => (int)random.NextUInt64(),
    };

    private static void Act(ScriptedPeer peer, SeededRandom random)
    {
        switch (random.Next(12))
        {
            case 0:
                peer.Wait((long)(random.NextUInt64() % 3_000_000_000));
                break;
            case 1 when peer.Connection is not null:
                peer.Read(random.Next(3000));
                break;
            case 2 when peer.Connection is not null && peer.Connection.CheckSend(out _) == TcpTransferState.Ready:
                Span<byte> span = peer.Connection.GetSendSpan(random.Next(5000) + 1);
                peer.Connection.CommitSend(span.Length);
                peer.Connection.Push(false, random.Chance(0.1), peer.NowNs);
                break;
            case 3:
                peer.Tcp.FlushAcknowledgments(peer.NowNs);
                break;
            case 4 when peer.Connection is not null && random.Chance(0.1):
                peer.Connection.Shutdown(random.Chance(0.5), random.Chance(0.5), peer.NowNs);
                break;
            case 5 when peer.Connection is not null:
                peer.Connection.ReceiveUrgent(random.Chance(0.5), out _);
                break;
            case 6:
                _ = peer.Connection?.Readiness;
                _ = peer.Connection?.GetInfo(peer.NowNs);
                break;
        }
    }
}

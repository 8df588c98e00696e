using System.Collections.Concurrent;
using System.Diagnostics;
using Semitone.Cli;
using Semitone.Cli.Machines;
using Semitone.Cli.Posix;

namespace Semitone.Unit.Cli.Machines;

/// <summary>The state folder: names are unique, machines are whole, and nothing is locked or left for ever.</summary>
public sealed class MachineStoreTests : IDisposable
{
    private readonly TemporaryTree _tree = new();

    private MachineStore Store => new(_tree["/state/semitone/machines"]);

    public void Dispose() => _tree.Dispose();

    private static MachineRecord Describe(string id, string name) => new()
    {
        Id = id,
        Name = name,
        Created = DateTimeOffset.UnixEpoch,
        Command = ["prog", "-x", HostText.FromBytes([0x61, 0xFF, 0x62])],
        MemoryBytes = 64 << 20,
        KernelCommandLine = "semitone -- prog",
        ArchiveBytes = 5,
    };

    private MachineFolder Make(string name)
    {
        using NewMachine machine = Store.Begin();
        File.WriteAllText(machine.Folder.RootFile, "12345");
        return machine.Finish(Describe(machine.Id, name), isInvented: false).Folder;
    }

    [Fact]
    public void Finish_Machine_IsFoundByNameAndIdentifier()
    {
        MachineFolder folder = Make("web-1");
        MachineRecord record = folder.ReadRecord()!;
        Assert.Equal(["prog", "-x", HostText.FromBytes([0x61, 0xFF, 0x62])], record.Command);
        foreach (string reference in (string[])["web-1", record.Id, record.ShortId, record.Id[..5]])
        {
            Assert.Equal(folder.Location, Store.Find(reference).Folder.Location);
        }

        Assert.Equal(MachineStatus.Created, folder.ReadState().Status);
        Assert.False(folder.IsHeld);
    }

    [Theory]
    [InlineData("")]
    [InlineData("..")]
    [InlineData("../web")]
    [InlineData(".new-1")]
    [InlineData("wbe")]
    [InlineData("zz")]
    public void Find_WhatIsNotThere_IsAnError(string reference)
    {
        Make("web");
        CommandFailedException failure = Assert.Throws<CommandFailedException>(() => Store.Find(reference));
        Assert.Equal(1, failure.Status);
        Assert.Contains("no machine", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Finish_NameIsTaken_LeavesTheOtherAndNothingOfThis()
    {
        MachineFolder first = Make("web");
        string id = first.ReadRecord()!.Id;
        CommandFailedException failure = Assert.Throws<CommandFailedException>(() => Make("web"));
        Assert.Equal(125, failure.Status);
        Assert.Equal(id, first.ReadRecord()!.Id);
        Assert.Equal(["web"], HostFile.List(Store.Root));
    }

    /// <summary>Of many who want one name, one gets it; the others are told, and no folder is left of them.</summary>
    [Fact]
    public void Finish_ManyWantOneName_OneGetsIt()
    {
        const int Threads = 8;
        const int Rounds = 20;
        for (int round = 0; round < Rounds; round++)
        {
            int made = 0, refused = 0;
            using Barrier barrier = new(Threads);
            Thread[] threads = [.. Enumerable.Range(0, Threads).Select(_ => new Thread(() =>
            {
                barrier.SignalAndWait();
                try
                {
                    Make("only" + round);
                    Interlocked.Increment(ref made);
                }
                catch (CommandFailedException)
                {
                    Interlocked.Increment(ref refused);
                }
            }))];
            Array.ForEach(threads, thread => thread.Start());
            Array.ForEach(threads, thread => thread.Join());
            Assert.Equal((1, Threads - 1), (made, refused));
        }

        Assert.Equal(Rounds, HostFile.List(Store.Root).Length);
    }

    [Fact]
    public void Finish_InventedNameIsTaken_TakesAnother()
    {
        Make("web");
        using NewMachine machine = Store.Begin();
        (_, MachineRecord record) = machine.Finish(Describe(machine.Id, "web"), isInvented: true);
        Assert.NotEqual("web", record.Name);
        Assert.True(MachineName.IsValid(record.Name));
        Assert.Equal(record.Id, Store.Find(record.Name).Record.Id);
    }

    /// <summary>
    /// Makers and removers of one name, and readers meanwhile: a machine is there as a whole or not at all, and is removed once.
    /// </summary>
    [Fact]
    public void Store_MadeReadAndRemovedAtOnce_ShowsWholeMachinesOnly()
    {
        const int PerMaker = 60;
        ConcurrentBag<string> problems = [];
        int made = 0, removed = 0;
        bool isDone = false;
        Thread[] makers = [.. Enumerable.Range(0, 3).Select(_ => new Thread(() =>
        {
            for (int i = 0; i < PerMaker; i++)
            {
                try
                {
                    Make("web");
                    Interlocked.Increment(ref made);
                }
                catch (CommandFailedException)
                {
                    // Taken.
                }
            }
        }))];
        Thread[] removers = [.. Enumerable.Range(0, 2).Select(_ => new Thread(() =>
        {
            while (!Volatile.Read(ref isDone))
            {
                MachineFolder folder = new(Store.Root + "/web");
                if (folder.TryHold() is { } hold)
                {
                    if (folder.ReadRecord() is null)
                    {
                        problems.Add("a machine that is held has no record");
                    }

                    Store.Remove(folder, hold);
                    Interlocked.Increment(ref removed);
                }
            }
        }))];
        Thread reader = new(() =>
        {
            while (!Volatile.Read(ref isDone))
            {
                foreach ((MachineFolder folder, MachineRecord record) in Store.List())
                {
                    if (record.Name != "web" || folder.ReadState().Status != MachineStatus.Created)
                    {
                        problems.Add($"{record.Name} is {folder.ReadState().Status}");
                    }
                }
            }
        });
        Thread[] all = [.. makers, .. removers, reader];
        Array.ForEach(all, thread => thread.Start());
        Array.ForEach(makers, thread => thread.Join());
        SpinWait.SpinUntil(() => !Store.IsTaken("web"), 5000);
        Volatile.Write(ref isDone, true);
        Array.ForEach(all, thread => thread.Join());
        Assert.Empty(problems);
        Assert.True(made > 0);
        Assert.Equal(made, removed);
        Assert.Empty(HostFile.List(Store.Root));
    }

    /// <summary>What a command leaves that is killed while it makes or removes a machine: nobody sees it, and it goes.</summary>
    [Theory]
    [InlineData(".new-1", false, false, true)]
    [InlineData(".new-1", true, false, true)]
    [InlineData(".old-1", true, true, true)]
    [InlineData("web", true, true, false)]
    public void Sweep_WhatWasLeft_GoesAndNothingElse(string name, bool hasLock, bool hasRecord, bool goes)
    {
        string folder = $"{Store.Root}/{name}";
        Directory.CreateDirectory(folder);
        if (hasLock)
        {
            File.WriteAllText(folder + "/lock", "");
        }

        if (hasRecord)
        {
            new MachineFolder(folder).Write(Describe("0123456789abcdef", name));
        }

        Assert.Equal(goes ? 0 : 1, Store.List().Count);
        Store.Sweep();
        Assert.True(Directory.Exists(folder), "what is young may be about to be locked");
        Store.Sweep(leftAfter: TimeSpan.Zero);
        Assert.Equal(goes, !Directory.Exists(folder));
    }

    [Fact]
    public void Sweep_MachineThatIsBeingMade_Stays()
    {
        using NewMachine machine = Store.Begin();
        Store.Sweep(leftAfter: TimeSpan.Zero);
        machine.Finish(Describe(machine.Id, "web"), isInvented: false);
        Assert.Single(Store.List());
    }

    /// <summary>A name must not be taken for ever by something that no command can find.</summary>
    [Fact]
    public void Find_DescriptionIsDamaged_CanBeRemoved()
    {
        MachineFolder folder = Make("web");
        File.WriteAllText(folder.Location + "/machine.json", "{");
        Assert.Equal("web", Assert.Single(Store.List()).Record.Name);
        MachineControl.Remove(Store, folder, Store.Find("web").Record);
        Assert.Empty(Store.List());
        Make("web");
    }

    [Theory]
    [InlineData("/state", "/home", "/state/semitone/machines")]
    [InlineData("/state/", null, "/state/semitone/machines")]
    [InlineData("relative", "/tmp", "/tmp/.local/state/semitone/machines")]
    [InlineData(null, "/tmp", "/tmp/.local/state/semitone/machines")]
    [InlineData("", "/tmp/", "/tmp/.local/state/semitone/machines")]
    [InlineData(null, null, null)]
    [InlineData(null, "/nowhere-at-all", null)]
    [InlineData(null, "", null)]
    public void FindRoot_Variables_AreReadAsTheSpecificationSays(string? state, string? home, string? expected)
    {
        string? Get(string name) => name switch
        {
            "XDG_STATE_HOME" => state,
            "HOME" => home,
            _ => null,
        };
        if (expected is null)
        {
            Assert.Throws<CommandFailedException>(() => MachineStore.FindRoot(Get));
        }
        else
        {
            Assert.Equal(expected, MachineStore.FindRoot(Get));
        }
    }

    [Theory]
    [InlineData("a", true)]
    [InlineData("web-1.x_Y", true)]
    [InlineData("0", true)]
    [InlineData("", false)]
    [InlineData(".web", false)]
    [InlineData("-web", false)]
    [InlineData("_web", false)]
    [InlineData("we b", false)]
    [InlineData("we/b", false)]
    [InlineData("wéb", false)]
    public void IsValid_Name_IsAsDockerHasThem(string name, bool expected) => Assert.Equal(expected, MachineName.IsValid(name));

    [Fact]
    public void Invent_Names_AreValid() =>
        Assert.All(Enumerable.Range(0, 500), _ => Assert.True(MachineName.IsValid(MachineName.Invent())));
}

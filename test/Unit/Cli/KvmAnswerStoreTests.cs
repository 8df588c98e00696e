using Semitone.Cli.Kvm;

namespace Semitone.Unit.Cli;

public sealed class KvmAnswerStoreTests : IDisposable
{
    private readonly TemporaryTree _tree = new();

    private string Path => _tree["/run/semitone/kvm"];

    public void Dispose() => _tree.Dispose();

    [Fact]
    public void Read_WhatWasWritten_IsTheSame()
    {
        KvmAnswerStore store = new(Path, "a host");
        Assert.Null(store.Read());
        foreach (KvmAnswer answer in (KvmAnswer[])
            [
                KvmAnswer.Usable,
                KvmAnswer.Usable with { Removed = ["arch-capabilities", "avx512f"] },
                KvmAnswer.No(KvmState.Broken, "an SSE instruction failed")
            ])
        {
            store.Write(answer, null);
            KvmAnswer? read = store.Read();
            Assert.Equal((answer.State, answer.Reason), (read?.State, read?.Reason));
            Assert.Equal(answer.Removed, read!.Removed);
        }

        Assert.Equal([Path], Directory.GetFiles(System.IO.Path.GetDirectoryName(Path)!));
    }

    [Fact]
    public void Read_OfAnotherBoot_IsNothing()
    {
        new KvmAnswerStore(Path, "boot 1").Write(KvmAnswer.Usable, null);
        Assert.Null(new KvmAnswerStore(Path, "boot 2").Read());
    }

    [Fact]
    public void Read_AfterItsTime_IsNothing()
    {
        KvmAnswerStore store = new(Path, "a host");
        store.Write(KvmAnswer.No(KvmState.Hung, "slow"), TimeSpan.FromMinutes(10));
        Assert.Equal(KvmState.Hung, store.Read()?.State);
        store.Write(KvmAnswer.No(KvmState.Hung, "slow"), TimeSpan.FromSeconds(-1));
        Assert.Null(store.Read());
    }

    [Theory]
    [InlineData("")]
    [InlineData("a host")]
    [InlineData("a host\n-\n")]
    [InlineData("a host\n-\nmaybe\n")]
    [InlineData("a host\nsoon\nusable\n")]
    [InlineData("a host\n-\nusable host,-cpu=evil\n")]
    public void Read_DamagedFile_IsNothing(string content)
    {
        _tree.Add("/run/semitone/kvm", content);
        Assert.Null(new KvmAnswerStore(Path, "a host").Read());
    }

    [Fact]
    public void Write_FolderCannotBeMade_LeavesNothingAndFailsNot()
    {
        _tree.Add("/file", "");
        KvmAnswerStore store = new(_tree["/file/semitone/kvm"], "a host");
        store.Write(KvmAnswer.Usable, null);
        Assert.Null(store.Read());
        new KvmAnswerStore(null, "a host").Write(KvmAnswer.Usable, null);
        Assert.Equal([_tree["/file"]], Directory.GetFileSystemEntries(_tree.Root));
    }

    [Fact]
    public void Write_FileCannotBeWritten_LeavesNoFolder()
    {
        new KvmAnswerStore(_tree["/cache/semitone/"] + new string('k', 255), "a host").Write(KvmAnswer.Usable, null);
        Assert.Empty(Directory.GetFileSystemEntries(_tree.Root));
    }

    /// <summary>The XDG base directory specification; and nobody's home is made by us.</summary>
    [Fact]
    public void FindFile_Variables_GiveAPlaceOfThisUser()
    {
        Directory.CreateDirectory(_tree["/home"]);
        Directory.CreateDirectory(_tree["/session"]);
        Assert.StartsWith(
            _tree["/session/semitone/kvm-"],
            Find(("XDG_RUNTIME_DIR", _tree["/session"]), ("HOME", _tree["/home"])),
            StringComparison.Ordinal);
        Assert.StartsWith(
            _tree["/home/.cache/semitone/kvm-"],
            Find(("XDG_RUNTIME_DIR", _tree["/gone"]), ("HOME", _tree["/home"])),
            StringComparison.Ordinal);
        Assert.StartsWith(
            _tree["/caches/semitone/kvm-"], Find(("XDG_CACHE_HOME", _tree["/caches"]), ("HOME", _tree["/home"])), StringComparison.Ordinal);
        Assert.Null(Find(("HOME", _tree["/gone"])));
        Assert.Null(Find(("HOME", "home")));
        Assert.Null(Find());
    }

    private static string? Find(params (string Name, string Value)[] variables) =>
        KvmAnswerStore.FindFile(name => variables.FirstOrDefault(variable => variable.Name == name).Value);
}

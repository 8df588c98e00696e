using System.Text;
using Semitone.Abi;
using Semitone.Files;
using Semitone.NineP;

namespace Semitone.Unit.NineP;

/// <summary>Names and attributes of a real server's files: what is asked, what is believed, and what the host sees.</summary>
public sealed class RemoteNameTests
{
    [Theory]
    [InlineData("none", 7, 6, 6)]
    [InlineData("check", 7, 0, 6)]
    [InlineData("loose", 7, 0, 0)]
    public void Stat_IsAskedAsOftenAsTheCacheModeSays(string cache, int first, int again, int later)
    {
        using NinePFixture system = new("cache=" + cache);
        Directory.CreateDirectory(system.Host("a/b"));
        File.WriteAllText(system.Host("a/b/f"), "hello");
        Assert.Equal(5, system.Stat("/far/a/b/f").st_size);
        Assert.InRange(Count(system), 1, first);
        Assert.Equal(5, system.Stat("/far/a/b/f").st_size);
        Assert.InRange(Count(system), again == 0 ? 0 : 1, again + 1);

        system.PassSeconds(2);
        File.WriteAllText(system.Host("a/b/f"), "longer than that");
        Assert.Equal(cache == "loose" ? 5 : 16, system.Stat("/far/a/b/f").st_size);
        Assert.InRange(Count(system), later == 0 ? 0 : 1, later + 1);
        static int Count(NinePFixture system)
        {
            system.Settle();
            int count = system.Server.Requests.Count(type => type != MessageType.Tclunk);
            system.Server.Requests.Clear();
            return count;
        }
    }

    [Theory]
    [InlineData("none", false)]
    [InlineData("check", false)]
    [InlineData("loose", true)]
    public void Stat_OfWhatIsNotThere_IsBelievedOnlyWhereNobodyElseMakesFiles(string cache, bool isBelieved)
    {
        using NinePFixture system = new("cache=" + cache);
        Assert.Equal(Errno.ENOENT, system.Stat("/far/x", out _));
        File.WriteAllText(system.Host("x"), "1");
        Assert.Equal(isBelieved ? Errno.ENOENT : Errno.None, system.Stat("/far/x", out _));
    }

    [Theory]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(33)]
    public void Walk_LongPaths_TakeAFewRoundTrips(int depth)
    {
        using NinePFixture system = new("cache=loose");
        string path = string.Join('/', Enumerable.Range(0, depth).Select(i => $"d{i}"));
        Directory.CreateDirectory(system.Host(path));
        Stat stat = system.Stat("/far/" + path);
        Assert.Equal(Mode.S_IFDIR, stat.st_mode & Mode.S_IFMT);
        Assert.Equal(depth, system.Server.Requests.Count(type => type == MessageType.Twalk));
    }

    [Fact]
    public void Names_AnyBytesAndAnyLength_Work()
    {
        using NinePFixture system = new();
        string odd = "\u00FF\u0001 \u0080";
        string longest = new('n', 255);
        foreach (string name in (string[])[odd, longest])
        {
            byte[] path = NinePFixture.Bytes("/far/" + name);
            Assert.Equal(Errno.None, system.Do(() => system.Context.MakeDirectory(system.Context.Root, path, (Mode)0x1ED)));
            Assert.Equal(Errno.None, system.Stat("/far/" + name, out _));
        }

        Assert.Equal(Errno.ENAMETOOLONG, system.Stat("/far/" + longest + "n", out _));
        Assert.Equal(new[] { ".", "..", odd, longest }.Order(StringComparer.Ordinal), system.List("/far").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Changes_AllKinds_AreTheHosts()
    {
        using NinePFixture system = new();
        FileSystemContext context = system.Context;
        Assert.Equal(Errno.None, system.Do(() => context.MakeDirectory(context.Root, "/far/d"u8, (Mode)0x1FF)));
        Assert.Equal(Errno.EEXIST, system.Do(() => context.MakeDirectory(context.Root, "/far/d"u8, (Mode)0x1FF)));
        system.Open("/far/d/f", OpenFlags.O_CREAT | OpenFlags.O_EXCL | OpenFlags.O_WRONLY).Release();
        Assert.Equal(Errno.EEXIST, system.Open("/far/d/f", OpenFlags.O_CREAT | OpenFlags.O_EXCL, out _));
        Assert.Equal(Errno.None, system.Do(() => context.MakeSymbolicLink("d/f"u8, context.Root, "/far/s"u8)));
        Assert.Equal("d/f", new FileInfo(system.Host("s")).LinkTarget);
        Assert.Equal(Mode.S_IFREG, system.Stat("/far/s").st_mode & Mode.S_IFMT);

        Inode file = system.Find("/far/d/f");
        Assert.Equal(Errno.None, system.Do(() => context.Link(file, context.Root, "/far/hard"u8)));
        Assert.Same(file, system.Find("/far/hard"));
        Assert.Equal(2ul, system.Stat("/far/hard").st_nlink);

        Assert.Equal(
            Errno.None,
            system.Do(() => context.Rename(context.Root, "/far/hard"u8, context.Root, "/far/d/moved"u8, RenameFlags.None)));
        Assert.Equal(Errno.ENOENT, system.Stat("/far/hard", out _));
        Assert.True(File.Exists(system.Host("d/moved")));
        Assert.Same(file, system.Find("/far/d/moved"));

        Assert.Equal(Errno.ENOTEMPTY, system.Do(() => context.RemoveDirectory(context.Root, "/far/d"u8)));
        Assert.Equal(Errno.None, system.Do(() => context.Unlink(context.Root, "/far/d/moved"u8)));
        Assert.Equal(Errno.None, system.Do(() => context.Unlink(context.Root, "/far/d/f"u8)));
        Assert.Equal(Errno.ENOENT, system.Do(() => context.Unlink(context.Root, "/far/d/f"u8)));
        Assert.Equal(Errno.None, system.Do(() => context.RemoveDirectory(context.Root, "/far/d"u8)));
        Assert.Equal(["s"], Directory.GetFileSystemEntries(system.Server.Folder).Select(Path.GetFileName));
    }

    [Fact]
    public void Rename_OverAFileAndOfADirectory_MovesWhatIsBelow()
    {
        using NinePFixture system = new("cache=loose");
        FileSystemContext context = system.Context;
        Directory.CreateDirectory(system.Host("a/in"));
        Directory.CreateDirectory(system.Host("b"));
        File.WriteAllText(system.Host("a/in/f"), "content");
        File.WriteAllText(system.Host("x"), "x");
        File.WriteAllText(system.Host("y"), "longer");
        Assert.Equal(7, system.Stat("/far/a/in/f").st_size);
        Assert.Equal(1, system.Stat("/far/x").st_size);
        Assert.Equal(6, system.Stat("/far/y").st_size);
        Assert.Equal(Errno.None, system.Do(() => context.Rename(context.Root, "/far/x"u8, context.Root, "/far/y"u8, RenameFlags.None)));
        Assert.Equal(1, system.Stat("/far/y").st_size);
        Assert.Equal(Errno.None, system.Do(() => context.Rename(context.Root, "/far/a"u8, context.Root, "/far/b/a"u8, RenameFlags.None)));
        Assert.Equal("content", Encoding.ASCII.GetString(system.ReadAll("/far/b/a/in/f")));
        Assert.Equal(
            Errno.EINVAL,
            system.Do(() => context.Rename(context.Root, "/far/b"u8, context.Root, "/far/b/a/b"u8, RenameFlags.None)));
    }

    [Fact]
    public void Renames_TwoThatCross_AreBothMade()
    {
        using NinePFixture system = new("cache=loose");
        FileSystemContext context = system.Context;
        Directory.CreateDirectory(system.Host("a"));
        Directory.CreateDirectory(system.Host("b"));
        File.WriteAllText(system.Host("a/x"), "x");
        File.WriteAllText(system.Host("b/y"), "y");
        foreach (string path in (string[])["/far/a/x", "/far/b/y", "/far/a/y", "/far/b/x"])
        {
            system.Stat(path, out _);
        }

        Assert.Equal(InternalErrno.MustWait, context.Rename(context.Root, "/far/a/x"u8, context.Root, "/far/b/x"u8, RenameFlags.None));
        Assert.True(context.TryTakeChange(out PendingChange? first));
        Assert.Equal(InternalErrno.MustWait, context.Rename(context.Root, "/far/b/y"u8, context.Root, "/far/a/y"u8, RenameFlags.None));
        Assert.True(context.TryTakeChange(out PendingChange? second));
        system.WaitFor(second);
        system.WaitFor(first);
        Assert.Equal((Errno.None, Errno.None), (first.Result, second.Result));
        Assert.Equal("y", File.ReadAllText(system.Host("a/y")));
        Assert.Equal("x", Encoding.ASCII.GetString(system.ReadAll("/far/b/x")));
        Assert.Equal(Errno.ENOENT, system.Stat("/far/a/x", out _));
    }

    [Fact]
    public void Attributes_Changed_AreTheHosts()
    {
        using NinePFixture system = new("cache=loose");
        File.WriteAllText(system.Host("f"), "0123456789");
        Inode file = system.Find("/far/f");
        Assert.Equal(Errno.None, system.Do(() => system.Context.Note(file.Update(new AttributeChange { Mode = (Mode)0x8180 }))));
        Assert.Equal((Mode)0x8180, system.Stat("/far/f").st_mode);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(system.Host("f")));
        AttributeChange times = new() { AccessedNs = 1_000_000_000_000_000_001, ModifiedNs = 1_000_000_000_500_000_000 };
        Assert.Equal(Errno.None, system.Do(() => system.Context.Note(file.Update(times))));
        Stat stat = system.Stat("/far/f");
        Assert.Equal((1_000_000_000, 1), (stat.st_atim.tv_sec, stat.st_atim.tv_nsec));
        Assert.Equal((1_000_000_000, 500_000_000), (stat.st_mtim.tv_sec, stat.st_mtim.tv_nsec));
        Assert.Equal(Errno.None, system.Do(() => system.Context.Note(file.SetSize(3))));
        Assert.Equal("012", File.ReadAllText(system.Host("f")));
        Assert.Equal(3, system.Stat("/far/f").st_size);
        Assert.Equal(Errno.None, system.Do(() => system.Context.Note(file.Update(new AttributeChange { UserId = 5, GroupId = 6 }))));
        Assert.Equal((5u, 6u), (system.Stat("/far/f").st_uid, system.Stat("/far/f").st_gid));
    }

    [Fact]
    public void ReadDirectory_ManyEntriesWhileTheyAreRemoved_TellsEachOnce()
    {
        const int Count = 3000;
        using NinePFixture system = new();
        for (int i = 0; i < Count; i++)
        {
            File.WriteAllText(system.Host($"f{i}"), string.Empty);
        }

        OpenFile directory = system.Open("/far", OpenFlags.O_DIRECTORY);
        HashSet<string> names = [];
        while (system.TryNext(directory, out string name))
        {
            Assert.True(names.Add(name), name);
            if (name[0] == 'f')
            {
                Assert.Equal(Errno.None, system.Do(() => system.Context.Unlink(system.Context.Root, NinePFixture.Bytes("/far/" + name))));
            }
        }

        directory.Release();
        Assert.Equal(Count + 2, names.Count);
        Assert.Equal([".", ".."], system.List("/far").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Seek_ToAnEntry_GoesOnThere()
    {
        using NinePFixture system = new();
        for (int i = 0; i < 20; i++)
        {
            File.WriteAllText(system.Host($"f{i}"), string.Empty);
        }

        OpenFile directory = system.Open("/far", OpenFlags.O_DIRECTORY);
        List<(string Name, long Next)> entries = [];
        while (system.TryNext(directory, out string name))
        {
            entries.Add((name, directory.Offset));
        }

        Assert.Equal(Errno.None, directory.Seek(entries[4].Next, SeekWhence.SEEK_SET, out _));
        Assert.True(system.TryNext(directory, out string after));
        Assert.Equal(entries[5].Name, after);
        Assert.Equal(Errno.None, directory.Seek(0, SeekWhence.SEEK_SET, out _));
        Assert.True(system.TryNext(directory, out string first));
        Assert.Equal(entries[0].Name, first);
        directory.Release();
    }

    [Fact]
    public void Host_ReplacesAFile_TheNewOneIsOpened()
    {
        using NinePFixture system = new("cache=check");
        File.WriteAllText(system.Host("f"), "old");
        OpenFile old = system.Open("/far/f");
        Assert.Equal("old", Encoding.ASCII.GetString(system.Read(old, 10)));
        File.WriteAllText(system.Host("g"), "newer");
        File.Move(system.Host("g"), system.Host("f"), overwrite: true);
        Assert.Equal("newer", Encoding.ASCII.GetString(system.ReadAll("/far/f")));
        Assert.NotEqual(old.Inode.Number, system.Find("/far/f").Number);
        old.Release();
    }

    [Theory]
    [InlineData("none")]
    [InlineData("check")]
    public void Host_MovesAParent_WhatIsBelowIsFoundAtItsNewPlaceOnly(string cache)
    {
        using NinePFixture system = new("cache=" + cache);
        Directory.CreateDirectory(system.Host("a/b"));
        File.WriteAllText(system.Host("a/b/f"), "content");
        Assert.Equal(7, system.Stat("/far/a/b/f").st_size);
        Directory.Move(system.Host("a"), system.Host("z"));
        system.PassSeconds(2);
        Assert.Equal(Errno.ENOENT, system.Stat("/far/a/b/f", out _));
        Assert.Equal("content", Encoding.ASCII.GetString(system.ReadAll("/far/z/b/f")));
    }

    [Fact]
    public void Host_MovesTheWorkingDirectory_DotIsStillThatDirectoryOrStale()
    {
        using NinePFixture system = new("cache=none");
        Directory.CreateDirectory(system.Host("a"));
        Inode directory = system.Find("/far/a");
        Directory.Move(system.Host("a"), system.Host("z"));
        Errno error = system.Do(() => system.Context.Refresh(directory));
        Assert.True(error is Errno.None or Errno.ESTALE, $"{error}");
        Assert.Same(directory, system.Find("/far/z"));
        Assert.Equal(Errno.None, system.Do(() => system.Context.Refresh(directory)));
    }

    [Fact]
    public void Cache_MoreNamesThanItHolds_ForgetsNamesInodesAndFids()
    {
        const int Count = 3000;
        using NinePFixture system = new("cache=loose");
        Directory.CreateDirectory(system.Host("d"));
        for (int i = 0; i < Count; i++)
        {
            File.WriteAllText(system.Host($"d/f{i}"), string.Empty);
        }

        OpenFile held = system.Open("/far/d/f0");
        for (int i = 0; i < Count; i++)
        {
            Assert.Equal(Errno.None, system.Stat($"/far/d/f{i}", out _));
        }

        system.Settle();
        long limit = system.Files.Services.Names.Limit;
        Assert.InRange(system.Files.Services.Names.Count, 1, limit + 1);
        Assert.InRange(system.FileSystem.InodeCount, 1, limit + 2);
        Assert.InRange(system.FileSystem.Connection.LiveFidCount, 1, limit + 4);
        Assert.Same(held.Inode, system.Find("/far/d/f0"));
        held.Release();

        system.Files.Services.Names.Forget(int.MaxValue / 128);
        system.Settle();
        Assert.Equal(0, system.Files.Services.Names.Count);
        Assert.Equal(1, system.FileSystem.InodeCount);
        Assert.Equal(1, system.FileSystem.Connection.LiveFidCount);
        Assert.Equal(0, system.FileSystem.Connection.RentedCount);
    }

    [Fact]
    public void ExtendedAttributes_AreTheServers()
    {
        using NinePFixture system = new();
        File.WriteAllText(system.Host("f"), "content");
        Inode file = system.Find("/far/f");
        byte[] large = [.. Enumerable.Range(0, 2000).Select(i => (byte)(i * 7))];
        Errno first = system.Do(() => system.Context.Note(file.SetAttribute("user.one"u8, [1, 2, 3], XattrFlags.None)));
        Assert.SkipWhen(first == Errno.EOPNOTSUPP, "the server's file system keeps no extended attributes");
        Assert.Equal(Errno.None, first);
        Assert.Equal(Errno.EEXIST, system.Do(() => system.Context.Note(file.SetAttribute("user.one"u8, [4], XattrFlags.XATTR_CREATE))));
        Assert.Equal(Errno.None, system.Do(() => system.Context.Note(file.SetAttribute("user.large"u8, large, XattrFlags.None))));
        Assert.Equal((Errno.None, 3), Get("user.one"));
        Assert.Equal((Errno.None, 2000), Get("user.large"));
        Assert.Equal(["user.large", "user.one"], Names());
        Assert.Equal(Errno.None, system.Do(() => system.Context.Note(file.RemoveAttribute("user.one"u8))));
        Assert.Equal((Errno.ENODATA, 0), Get("user.one"));
        Assert.Equal(["user.large"], Names());
        system.Settle();
        Assert.Equal(2, system.FileSystem.Connection.LiveFidCount);

        (Errno Error, int Length) Get(string name)
        {
            int length = 0;
            Errno error = system.Do(() =>
            {
                Errno got = file.GetAttribute(NinePFixture.Bytes(name), out ReadOnlySpan<byte> value);
                length = value.Length;
                return Note(got);
            });
            return (error, length);
        }

        string[] Names()
        {
            Assert.Equal(Errno.None, system.Do(() => Note(file.RefreshAttributeNames())));
            List<string> names = [];
            while (file.TryGetAttributeName(names.Count, out ReadOnlySpan<byte> name))
            {
                names.Add(Encoding.ASCII.GetString(name));
            }

            return [.. names.Where(name => name.StartsWith("user.", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
        }

        Errno Note(Errno error)
        {
            if (error == InternalErrno.MustWait)
            {
                system.Context.NoteFetch(file);
            }

            return error;
        }
    }

    [Fact]
    public void Statfs_IsTheServersOwn()
    {
        using NinePFixture system = new();
        Inode root = system.FileSystem.Root;
        Assert.Equal(Errno.None, system.Do(() =>
        {
            Errno error = system.FileSystem.RefreshStatistics(root);
            if (error == InternalErrno.MustWait)
            {
                system.Context.NoteFetch(root);
            }

            return error;
        }));
        system.FileSystem.GetStatistics(out StatFs statistics);
        Assert.True(statistics.f_blocks > 0);
        Assert.Equal(FileSystemMagic.V9FS_MAGIC, statistics.f_type);
    }

    [Fact]
    public void Server_Dies_IsEIOAtOnceAndEverAfter()
    {
        using NinePFixture system = new("cache=none");
        Directory.CreateDirectory(system.Host("a"));
        Assert.Equal(Errno.None, system.Stat("/far/a", out _));
        system.Server.Kill();
        Assert.Equal(Errno.EIO, system.Stat("/far/a", out _));
        Assert.Equal(Errno.EIO, system.Do(() => system.Context.MakeDirectory(system.Context.Root, "/far/b"u8, (Mode)0x1FF)));
        Assert.Equal(0, system.FileSystem.Connection.RentedCount);
    }

    /// <summary>A tree that has a circle in it would keep whoever goes up in it for ever.</summary>
    [Fact]
    public void Server_SaysThatADirectoryIsInItself_IsNotBelieved()
    {
        using NinePFixture system = new("cache=none");
        Directory.CreateDirectory(system.Host("a/b/c"));
        byte[] inner = BitConverter.GetBytes(system.Stat("/far/a/b/c").st_ino);
        byte[] outer = BitConverter.GetBytes(system.Stat("/far/a").st_ino);
        system.Server.Tamper = (_, reply) =>
        {
            for (int at = reply.AsSpan().IndexOf(inner); at >= 0; at = reply.AsSpan().IndexOf(inner))
            {
                outer.CopyTo(reply, at);
            }

            return reply;
        };
        Assert.Equal(Errno.ESTALE, system.Stat("/far/a/b/c", out _));
        Assert.Equal(Errno.None, system.Stat("/far/a/b", out _));
        FileSystemContext context = system.Context;
        Assert.Equal(
            Errno.EINVAL,
            system.Do(() => context.Rename(context.Root, "/far/a"u8, context.Root, "/far/a/b/x"u8, RenameFlags.None)));
    }

    /// <summary>Whatever the replies say, every call comes to an end, and nothing is thrown.</summary>
    [Fact]
    public void Replies_Damaged_EveryCallEnds()
    {
        for (int seed = 0; seed < 25; seed++)
        {
            using NinePFixture system = new("cache=none");
            Directory.CreateDirectory(system.Host("a/b"));
            File.WriteAllText(system.Host("a/b/f"), "content");
            File.CreateSymbolicLink(system.Host("l"), "a/b");
            Random random = new(seed);
            system.Server.Tamper = (_, reply) =>
            {
                if (random.Next(6) == 0)
                {
                    int place = random.Next(2) == 0 ? random.Next(reply.Length) : Math.Min(reply.Length - 1, random.Next(24));
                    reply[place] = (byte)random.Next(256);
                }

                return reply;
            };
            for (int i = 0; i < 30 && !system.FileSystem.Connection.IsDead; i++)
            {
                system.Stat("/far/l/f", out _);
                if (system.Open("/far/a/b/f", OpenFlags.O_RDWR, out OpenFile? file) == Errno.None)
                {
                    system.TryRead(file!, 100);
                    system.TryWrite(file!, [1, 2, 3], out _);
                    file!.Release();
                }

                system.Do(() => system.Context.MakeDirectory(system.Context.Root, NinePFixture.Bytes($"/far/m{i}"), (Mode)0x1FF));
            }
        }
    }
}

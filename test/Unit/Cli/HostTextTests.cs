using System.Text;
using CsCheck;
using Semitone.Cli.Posix;

namespace Semitone.Unit.Cli;

/// <summary>Bytes of the host as strings, and files whose names are no text.</summary>
public sealed class HostTextTests
{
    [Fact]
    public void ToBytes_OfWhatFromBytesGave_IsWhatWentIn() =>
        Gen.OneOf(Gen.Byte, Gen.OneOf<byte>([0xC3, 0xA4, 0xED, 0xB2, 0x80, 0xF0, 0x9F, 0x98, 0x80, 0xFF])).Array[0, 40].Sample(
            bytes => Assert.Equal(bytes, HostText.ToBytes(HostText.FromBytes(bytes))));

    [Fact]
    public void FromBytes_Text_IsOrdinary() => Assert.Equal("grün 😀 \uFFFD", HostText.FromBytes(Encoding.UTF8.GetBytes("grün 😀 \uFFFD")));

    [Fact]
    public void FromBytes_BytesThatAreNoText_AreEachOneLoneSurrogate() =>
        Assert.Equal("a\uDCFFb\uDCC3", HostText.FromBytes([(byte)'a', 0xFF, (byte)'b', 0xC3]));

    [Fact]
    public void HostFile_NameThatIsNoText_IsListedReadAndFollowed()
    {
        using TemporaryTree tree = new();
        string name = HostText.FromBytes([(byte)'n', 0xE9, 0xFF]);
        tree.Add("/plain", "contents");

        // .NET itself cannot make such a name.
        using (System.Diagnostics.Process process = System.Diagnostics.Process.Start(
            "/bin/sh", ["-c", $"cd '{tree.Root}' && mv plain \"$(printf 'n\\351\\377')\" && ln -s \"$(printf 'n\\351\\377')\" link"]))
        {
            process.WaitForExit();
        }

        Assert.Equal(["link", name], HostFile.List(tree.Root));
        Assert.Equal("contents", HostFile.ReadText($"{tree.Root}/{name}"));
        Assert.Equal(name, HostFile.ReadLink(tree["/link"]));
        Assert.Equal($"{tree.Root}/{name}", ResolvedPath.Get(tree["/link"]));
    }
}

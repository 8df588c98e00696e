using System.Security.Cryptography;

namespace Semitone.Apps;

/// <summary>
/// The line between the command and the machine: what goes over it arrives whole, fast enough, and on whichever device there is.
/// </summary>
public sealed class LineTests : IDisposable
{
    /// <summary>Over a serial line this takes minutes each way.</summary>
    private const int Large = 50_000_000;

    private static readonly string s_busybox = $"--rootfs {DebianRoots.Get(["busybox-static"])} -- /bin/busybox";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("semitone-line");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("microvm", "file")]
    [InlineData("microvm", "pipe")]
    [InlineData("q35", "pipe")]
    public void Run_FiftyMegabytesInAndOut_ArriveWhole(string machine, string kind)
    {
        string input = Write(Large);
        string output = Path.Combine(_folder.FullName, "out");
        string source = kind == "file" ? $"< {input}" : $"< <(cat {input})";
        Run($"{Repository.Semitone} run --timeout 100 --machine {machine} {s_busybox} cat {source} > {output}");
        Assert.Equal(Hash(input), Hash(output));
    }

    /// <summary>A machine without the device: everything goes over the serial line, as in a QEMU that somebody else starts.</summary>
    [Fact]
    public void Run_NoPort_TakesTheSerialLine()
    {
        string qemu = Path.Combine(_folder.FullName, "qemu");
        File.WriteAllText(
            qemu,
            """
            #!/bin/bash
            words=()
            for word in "$@"; do
                case $word in
                    virtserialport,*) word=isa-debug-exit,iobase=0xe5 ;;
                    virtio-serial-device,*) word=isa-debug-exit,iobase=0xe9 ;;
                esac
                words+=("$word")
            done
            exec qemu-system-x86_64 "${words[@]}"
            """);
        File.SetUnixFileMode(qemu, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        string input = Write(20_000);
        string output = Path.Combine(_folder.FullName, "out");
        Run($"SEMITONE_QEMU={qemu} {Repository.Semitone} run --timeout 100 {s_busybox} cat < {input} > {output}");
        Assert.Equal(Hash(input), Hash(output));
    }

    /// <summary>
    /// While nobody takes what a thread writes, the others of the machine go on: one waits for the line, the other sees that time goes by.
    /// </summary>
    [Fact]
    public void Run_OutputThatNobodyTakes_LetsOtherProgramsGoOn()
    {
        string program = CompiledPrograms.Get("two_streams.c", ["gcc", "-O2", "-static", "-pthread"]);
        ProgramRun run = Run($"{Repository.Semitone} run --timeout 100 {program} | (sleep 10; wc -c)");
        Assert.Equal("3000000\n", run.Output);
    }

    private static ProgramRun Run(string script)
    {
        ProgramRun run = ProgramRun.Of(["/bin/bash", "-o", "pipefail", "-c", script]);
        Assert.False(run.HasHung, run.Describe());
        Assert.True(run.Status == 0, run.Describe());
        return run;
    }

    private static string Hash(string path)
    {
        using FileStream file = File.OpenRead(path);
        return $"{file.Length}:{Convert.ToHexString(SHA256.HashData(file))}";
    }

    /// <summary>Writes a file in which every byte, the link's marker too, stands beside every other.</summary>
    private string Write(int length)
    {
        byte[] bytes = new byte[length];
        new Random(1).NextBytes(bytes);
        string path = Path.Combine(_folder.FullName, "in");
        File.WriteAllBytes(path, bytes);
        return path;
    }
}

using System.Text;
using Semitone.Abi;
using Semitone.Files;
using Semitone.Syscalls;
using Semitone.Unit.Files;
using Semitone.Unit.Tasks;

namespace Semitone.Unit.Syscalls;

/// <summary>A guest with a distant file system at /far, whose server answers when nothing else is left to do.</summary>
internal sealed class DistantGuest : ITraceOutput
{
    private readonly StringBuilder _trace = new();

    public DistantGuest()
    {
        Guest = new Guest(strace: new Strace(this));
        FileSystemContext context = Guest.Process.FileSystem;
        Assert.Equal(Errno.None, context.MakeDirectory(context.Root, "/far"u8, (Mode)0x1FF));
        Assert.Equal(Errno.None, context.Find(context.Root, "/far"u8, follow: true, out Inode? point));
        Distant = new DistantFileSystem(context.Mounts.Services);
        context.Mounts.Mount(Distant, (DirectoryInode)point!, "far");
        Guest.Machine.Cpu.OnIdle = AnswerOrFail;
    }

    public Guest Guest { get; }

    public DistantFileSystem Distant { get; }

    /// <summary>The traced calls, a line for each.</summary>
    public string[] Trace => _trace.ToString().Split('\n');

    void ITraceOutput.Write(ReadOnlySpan<byte> line) => _trace.Append(Encoding.UTF8.GetString(line));

    /// <summary>Lets the server answer: a machine with nothing to do must be waiting for that.</summary>
    public void AnswerOrFail()
    {
        Assert.NotEqual(0, Distant.QuestionCount);
        Distant.Answer();
    }

    /// <summary>Puts a string and its NUL into the guest's memory.</summary>
    public void Put(ulong address, string text)
    {
        byte[] bytes = [.. Encoding.UTF8.GetBytes(text), 0];
        Assert.Equal(bytes.Length, Guest.Memory.CopyOut(address, bytes));
    }
}

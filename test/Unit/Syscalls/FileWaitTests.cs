using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;
using Semitone.Memory;
using Semitone.Unit.Tasks;

namespace Semitone.Unit.Syscalls;

/// <summary>Reads that have to wait, and files that make it hard.</summary>
public sealed class FileWaitTests
{
    /// <summary>
    /// A wake may come while the reader joins the queue, and nothing be there all the same: the call is made again, and no program sees by
    /// which number.
    /// </summary>
    [Fact]
    public void Read_WokenBeforeItWaitsAndNothingIsThere_IsMadeAgain()
    {
        Guest guest = new();
        FileSystemContext context = guest.Process.FileSystem;
        Assert.Equal(Errno.None, context.Find(context.Root, "/hello"u8, follow: true, out Inode? inode));
        guest.Process.Files.Put(new Fd(5), new WakingFile(inode!), false);
        ulong rip = 0;
        guest.Main
            .Do(() => rip = guest.MainThread.Registers.Rip)
            .Call(SyscallNumber.read, 5, Guest.Data, 1)
            .Do(() => Assert.Equal(rip - 2, guest.MainThread.Registers.Rip));
        guest.Run();

        Assert.Equal((long)SyscallNumber.read, guest.Main.Results[0]);
    }

    private sealed class WakingFile : OpenFile
    {
        private readonly WaitQueue _queue = new();

        public WakingFile(Inode inode)
            : base(inode, OpenFlags.O_RDONLY)
        {
            CanRead = true;
        }

        public override IoResult Read(ref IoCursor destination) => Errno.EAGAIN;

        public override void Enlist(IQueueMember waiter, PollEvents events)
        {
            waiter.Enlist(_queue);
            _queue.WakeAll();
        }
    }
}

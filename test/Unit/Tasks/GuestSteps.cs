using Semitone.Abi;
using Semitone.Tasks;

namespace Semitone.Unit.Tasks;

/// <summary>Steps that many scripts have.</summary>
internal static class GuestSteps
{
    private const ulong Handler = Guest.Base + 0x1500;
    private const ulong Restorer = Guest.Base + 0x1600;
    private const ulong ActionAt = Guest.Data + 0x300;

    private const CloneFlags Thread =
        CloneFlags.CLONE_VM | CloneFlags.CLONE_FS | CloneFlags.CLONE_FILES | CloneFlags.CLONE_SIGHAND | CloneFlags.CLONE_THREAD;

    public static void Do(this Guest guest, Action action) => guest.Main.Do(action);

    /// <summary>The first thread makes another one, which plays a script of its own.</summary>
    public static void MakeThread(
        this Guest guest,
        Action<ThreadScript> script,
        CloneFlags flags = CloneFlags.None,
        ulong childTid = 0,
        Action<GuestThread>? started = null)
    {
        guest.Main.Call(SyscallNumber.clone, (ulong)(Thread | flags), Guest.StackTop - 0x800, 0, childTid);
        guest.Main.Do(() =>
        {
            GuestThread thread = guest.Process.Threads[^1];
            Assert.NotSame(guest.MainThread, thread);
            Assert.Equal(0UL, thread.Registers.Rax);
            script(guest.Script(thread));
            started?.Invoke(thread);
        });
    }

    /// <summary>The first thread sets a handler.</summary>
    public static void SetHandler(this Guest guest, Signal signal, SigactionFlags flags = SigactionFlags.None)
    {
        guest.Main.Do(() =>
        {
            guest.MainThread.Registers.Rsp = Guest.StackTop - 0x200;
            guest.Write(
                ActionAt, new Sigaction { sa_handler = Handler, sa_restorer = Restorer, sa_flags = flags | SigactionFlags.SA_RESTORER });
        });
        guest.Main.Call(SyscallNumber.rt_sigaction, (ulong)signal, ActionAt, 0, 8);
    }

    /// <summary>The first thread sends its process a signal.</summary>
    public static void Kill(this Guest guest, Signal signal) => guest.Main.Call(SyscallNumber.kill, 1, (ulong)signal);
}

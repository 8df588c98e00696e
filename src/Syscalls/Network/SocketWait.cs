using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;
using Semitone.Memory;
using Semitone.Sockets;

namespace Semitone.Syscalls;

/// <summary>The one place where a thread waits for a socket: sockets answer EAGAIN, and here is what happens then.</summary>
/// <remarks>
/// A signal ends a wait for good when it has a timeout, and may be followed by the same call once more otherwise (signal(7)).
/// </remarks>
internal static class SocketWait
{
    /// <summary>Waits for a connection and accepts it.</summary>
    public static async ValueTask<SysResult> AcceptAsync(
        SyscallContext context, Socket socket, UserPtr<Sockaddr> name, UserPtr<int> length, OpenFlags flags)
    {
        Waiter waiter = context.Thread.Waiter;
        long deadlineNs = GetDeadline(context, socket.ReceiveTimeoutNs);
        socket.AddReference();
        try
        {
            while (true)
            {
                socket.Enlist(waiter, PollEvents.POLLIN);
                Errno error = socket.Accept(out Socket? connection);
                if (error != Errno.EAGAIN)
                {
                    waiter.Cancel();
                    return error == Errno.None ? SocketSyscalls.FinishAccept(context, connection!, name, length, flags) : error;
                }

                WaitResult result = await waiter.WaitAsync(deadlineNs);
                if (result != WaitResult.Woken)
                {
                    return GetEnd(socket, result, socket.ReceiveTimeoutNs, Errno.EAGAIN);
                }
            }
        }
        finally
        {
            socket.Release();
        }
    }

    /// <summary>Waits until a connection that has been begun is there, or has failed.</summary>
    public static async ValueTask<SysResult> ConnectAsync(SyscallContext context, Socket socket)
    {
        Waiter waiter = context.Thread.Waiter;
        Tasks.SocketCaller caller = context.Thread.SocketCaller;
        long deadlineNs = GetDeadline(context, socket.SendTimeoutNs);
        socket.AddReference();
        try
        {
            while (true)
            {
                socket.EnlistForConnect(waiter);
                Errno error = socket.ContinueConnect(caller);
                if (error is not (Errno.EAGAIN or Errno.EINPROGRESS or Errno.EALREADY))
                {
                    waiter.Cancel();
                    return error;
                }

                WaitResult result = await waiter.WaitAsync(deadlineNs);
                if (result != WaitResult.Woken)
                {
                    return GetEnd(socket, result, socket.SendTimeoutNs, socket.ConnectTimeoutError);
                }
            }
        }
        finally
        {
            socket.Release();
        }
    }

    /// <summary>Goes on with a send that found no room, until all is sent.</summary>
    /// <param name="result">What the last try came to.</param>
    public static async ValueTask<SysResult> SendAsync(
        SyscallContext context, Socket socket, SocketMessage message, IoCursor cursor, IoResult result)
    {
        Waiter waiter = context.Thread.Waiter;
        long deadlineNs = GetDeadline(context, socket.SendTimeoutNs);
        long done = 0;
        socket.AddReference();
        try
        {
            while (true)
            {
                if (FetchWait.IsNeeded(context, result))
                {
                    done += cursor.Resume();
                    if (!await TryFetchAsync(context))
                    {
                        return Errno.EINTR;
                    }

                    result = socket.Send(ref cursor, message);
                    continue;
                }

                if (result.Error != Errno.EAGAIN || !MayWait(socket, message))
                {
                    break;
                }

                // The try says whose room is needed, so it comes first.
                socket.Enlist(waiter, PollEvents.POLLOUT);
                result = socket.Send(ref cursor, message);
                if (result.Error != Errno.EAGAIN)
                {
                    waiter.Cancel();
                    continue;
                }

                WaitResult wait = await waiter.WaitAsync(deadlineNs);
                if (wait != WaitResult.Woken)
                {
                    Errno error = GetEnd(socket, wait, socket.SendTimeoutNs, Errno.EAGAIN);
                    result = new IoResult(result.Bytes, error);
                    break;
                }

                result = socket.Send(ref cursor, message);
            }

            return TransmitSyscalls.FinishSend(context, socket, message, new IoResult(done + result.Bytes, result.Error));
        }
        finally
        {
            message.DropFiles();
            socket.Release();
        }
    }

    /// <summary>Goes on with a receive that found too little.</summary>
    /// <param name="result">What the last try came to.</param>
    /// <param name="wanted">Bytes that it waits for.</param>
    public static async ValueTask<IoResult> ReceiveAsync(
        SyscallContext context, Socket socket, SocketMessage message, IoCursor cursor, IoResult result, long wanted)
    {
        Waiter waiter = context.Thread.Waiter;
        long deadlineNs = GetDeadline(context, socket.ReceiveTimeoutNs);
        long done = 0;
        socket.AddReference();
        try
        {
            while (true)
            {
                if (FetchWait.IsNeeded(context, result))
                {
                    done += cursor.Resume();
                    if (!await TryFetchAsync(context))
                    {
                        return Errno.EINTR;
                    }

                    result = socket.Receive(ref cursor, message);
                    continue;
                }

                if (!IsShort(socket, message, result, done + cursor.Moved, wanted))
                {
                    break;
                }

                long before = cursor.Moved;
                socket.Enlist(waiter, PollEvents.POLLIN);
                IoResult next = socket.Receive(ref cursor, message);
                if (next.Error == Errno.EAGAIN)
                {
                    WaitResult wait = await waiter.WaitAsync(deadlineNs);
                    if (wait != WaitResult.Woken)
                    {
                        result = new IoResult(cursor.Moved, GetEnd(socket, wait, socket.ReceiveTimeoutNs, Errno.EAGAIN));
                        break;
                    }

                    next = socket.Receive(ref cursor, message);
                }
                else
                {
                    waiter.Cancel();
                }

                // Nothing, and no error: the stream has come to its end.
                bool isEnd = next.Error == Errno.None && cursor.Moved == before && socket.IsStream;
                result = next;
                if (isEnd)
                {
                    break;
                }
            }

            long last = socket.IsStream ? cursor.Moved : result.Bytes;
            return new IoResult(done + last, result.Error);
        }
        finally
        {
            socket.Release();
        }
    }

    /// <summary>Whether a receive goes on waiting: it has nothing, or on a stream less than it wants.</summary>
    public static bool IsShort(Socket socket, SocketMessage message, IoResult result, long moved, long wanted)
    {
        if (!MayWait(socket, message) || socket.ReceiveTimeoutNs == 0)
        {
            return false;
        }

        if (result.Error == Errno.EAGAIN)
        {
            return true;
        }

        return result.Error == Errno.None && socket.IsStream && !message.IsPeek && message.Files is null && moved > 0 && moved < wanted;
    }

    /// <summary>Whether the call may wait at all.</summary>
    public static bool MayWait(Socket socket, SocketMessage message) =>
        !socket.IsNonBlocking && (message.Flags & MessageFlags.MSG_DONTWAIT) == 0;

    private static long GetDeadline(SyscallContext context, long timeoutNs) =>
        timeoutNs == long.MaxValue ? long.MaxValue : Deadline.FromNow(context.System.Clock, timeoutNs);

    private static Errno GetEnd(Socket socket, WaitResult result, long timeoutNs, Errno timedOut) =>
        result == WaitResult.TimedOut ? timedOut : FileWait.GetInterruption(socket, timeoutNs);

    /// <summary>Waits for a page of the buffer that must be fetched.</summary>
    /// <returns>False when the thread is to end.</returns>
    private static async ValueTask<bool> TryFetchAsync(SyscallContext context) =>
        context.Memory.Space.TryTakeLack(out WaitQueue? queue)
        && await context.Thread.Waiter.WaitAsync(queue!, mode: WaitMode.Killable) == WaitResult.Woken;
}

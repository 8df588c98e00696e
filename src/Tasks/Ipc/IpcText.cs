using Semitone.Abi;
using Semitone.Files;

namespace Semitone.Tasks;

/// <summary>The objects of System V IPC as /proc/sysvipc shows them (proc(5)).</summary>
internal static class IpcText
{
    private static ReadOnlySpan<byte> QueueHeader =>
        "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime\n"u8;

    private static ReadOnlySpan<byte> ArrayHeader =>
        "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n"u8;

    private static ReadOnlySpan<byte> SegmentHeader =>
        "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime"u8;

    public static void Write(IpcSystem ipc, string kind, TextBuilder text)
    {
        switch (kind)
        {
            case "msg":
                WriteQueues(ipc.Queues, text);
                break;
            case "sem":
                WriteArrays(ipc.Arrays, text);
                break;
            default:
                WriteSegments(ipc.Segments, text);
                break;
        }
    }

    public static ulong GetLimit(string name) => name switch
    {
        "msgmax" => IpcSystem.MaxMessageSize,
        "msgmnb" => IpcSystem.DefaultQueueSize,
        "msgmni" => IpcSystem.MaxQueues,
        "semmsl" => IpcSystem.MaxSemaphoresPerArray,
        "semmns" => IpcSystem.MaxSemaphores,
        "semopm" => IpcSystem.MaxOperations,
        "semmni" => IpcSystem.MaxArrays,
        "shmmni" => IpcSystem.MaxSegments,
        _ => IpcSystem.MaxSegmentSize,
    };

    private static void WriteQueues(IpcTable<MessageQueue> queues, TextBuilder text)
    {
        text.Append(QueueHeader);
        for (int i = 0; i <= queues.HighestIndex; i++)
        {
            if (queues[i] is { } queue)
            {
                WriteStart(queue, text);
                Write(text, (long)queue.Bytes, 11);
                Write(text, (long)queue.Count, 10);
                Write(text, queue.LastSender, 5);
                Write(text, queue.LastReceiver, 5);
                WriteOwner(queue, text);
                Write(text, queue.SentSeconds, 10);
                Write(text, queue.ReceivedSeconds, 10);
                Write(text, queue.ChangedSeconds, 10);
                text.Append('\n');
            }
        }
    }

    private static void WriteArrays(IpcTable<SemaphoreArray> arrays, TextBuilder text)
    {
        text.Append(ArrayHeader);
        for (int i = 0; i <= arrays.HighestIndex; i++)
        {
            if (arrays[i] is { } array)
            {
                WriteStart(array, text);
                Write(text, array.Count, 10);
                WriteOwner(array, text);
                Write(text, array.OperatedSeconds, 10);
                Write(text, array.ChangedSeconds, 10);
                text.Append('\n');
            }
        }
    }

    private static void WriteSegments(IpcTable<SharedSegment> segments, TextBuilder text)
    {
        text.Append(SegmentHeader).Append("                   rss                  swap\n"u8);
        for (int i = 0; i <= segments.HighestIndex; i++)
        {
            if (segments[i] is { } segment)
            {
                WriteStart(segment, text);
                Write(text, (long)segment.Size, 21);
                Write(text, segment.CreatorPid, 5);
                Write(text, segment.LastPid, 5);
                Write(text, segment.AttachCount, 6);
                WriteOwner(segment, text);
                Write(text, segment.AttachedSeconds, 10);
                Write(text, segment.DetachedSeconds, 10);
                Write(text, segment.ChangedSeconds, 10);
                Write(text, segment.ResidentPageCount << Paging.PageShift, 21);
                Write(text, 0, 21);
                text.Append('\n');
            }
        }
    }

    /// <summary>Key, id and permissions, which are octal and without a leading zero.</summary>
    private static void WriteStart(IpcObject item, TextBuilder text)
    {
        text.AppendPadded(item.Key, 10).Append(' ').AppendPadded(item.Id, 10).Append(' ');
        uint mode = item.GetPermissions().mode;
        long digits = 0;
        for (long place = 1; mode != 0; mode >>= 3, place *= 10)
        {
            digits += (mode & 7) * place;
        }

        text.Append(' ').AppendPadded(digits, 4);
    }

    private static void WriteOwner(IpcObject item, TextBuilder text)
    {
        Write(text, item.UserId, 5);
        Write(text, item.GroupId, 5);
        Write(text, item.CreatorUserId, 5);
        Write(text, item.CreatorGroupId, 5);
    }

    private static void Write(TextBuilder text, long value, int width) => text.Append(' ').AppendPadded(value, width);
}

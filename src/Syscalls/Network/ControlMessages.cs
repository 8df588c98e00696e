using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;
using Semitone.Memory;
using Semitone.Sockets;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>What goes with a message besides its bytes (cmsg(3)).</summary>
internal static class ControlMessages
{
    private const int HeaderSize = 16;
    private const int CredentialsSize = 12;

    /// <summary>Bytes of a control message that anybody looks at.</summary>
    private const int MaximumData = 64;

    /// <summary>The most open files in one message (unix(7), SCM_RIGHTS).</summary>
    private const int MaximumFiles = 253;

    /// <summary>The most bytes of control messages (net.core.optmem_max).</summary>
    private const ulong MaximumLength = 131_072;

    /// <summary>Reads the control messages of a message that is to be sent.</summary>
    /// <returns>None; EINVAL for what makes no sense, EBADF, EPERM, ESRCH, ETOOMANYREFS, ENOBUFS, EFAULT.</returns>
    public static Errno Read(SyscallContext context, Socket socket, in Msghdr header, SocketMessage message)
    {
        if (header.msg_controllen > MaximumLength)
        {
            return Errno.ENOBUFS;
        }

        int length = (int)header.msg_controllen;
        Errno error = Errno.None;
        for (int offset = 0; error == Errno.None && length - offset >= HeaderSize;)
        {
            ulong address = header.msg_control + (ulong)offset;
            if (!context.Memory.TryRead(new UserPtr<Cmsghdr>(address), out Cmsghdr control))
            {
                error = Errno.EFAULT;
                break;
            }

            if (control.cmsg_len < HeaderSize || control.cmsg_len > (ulong)(length - offset))
            {
                error = Errno.EINVAL;
                break;
            }

            int size = (int)control.cmsg_len - HeaderSize;
            error = control.cmsg_level == SocketLevel.SOL_SOCKET
                ? ReadSocketLevel(context, socket, (ControlMessageType)control.cmsg_type, address + HeaderSize, size, message)
                : ReadOther(context, socket, in control, address + HeaderSize, size, message);
            offset += Align((int)control.cmsg_len);
        }

        if (error != Errno.None)
        {
            message.DropFiles();
        }

        return error;
    }

    /// <summary>Writes the control messages of a message that was received, as far as there is room.</summary>
    /// <param name="header">Its length of control messages becomes what was written.</param>
    public static void Write(SyscallContext context, Socket socket, ref Msghdr header, SocketMessage message)
    {
        Room room = new(context.Memory, header.msg_control, header.msg_control == 0 ? 0 : header.msg_controllen);
        if (socket.PassesCredentials)
        {
            room.Write(ControlMessageType.SCM_CREDENTIALS, (message.Credentials ?? PeerCredentials.Unknown).ToUcred(), CredentialsSize);
        }

        for (int i = 0; i < message.ControlCount; i++)
        {
            ReadOnlySpan<byte> data = message.GetControl(i, out SocketLevel level, out int type);
            room.Write(level, type, data);
        }

        if (message.Files is { } files)
        {
            WriteFiles(context, ref room, files, (message.Flags & MessageFlags.MSG_CMSG_CLOEXEC) != 0);
        }

        message.Answer |= room.IsCut ? MessageFlags.MSG_CTRUNC : MessageFlags.None;
        header.msg_controllen = room.Used;
    }

    private static int Align(int length) => (length + 7) & ~7;

    private static Errno ReadSocketLevel(
        SyscallContext context, Socket socket, ControlMessageType type, ulong data, int size, SocketMessage message)
    {
        switch (type)
        {
            case ControlMessageType.SCM_RIGHTS when socket.Family == AddressFamily.AF_UNIX:
                return ReadFiles(context, data, size / sizeof(int), message);
            case ControlMessageType.SCM_CREDENTIALS when size == CredentialsSize:
                return ReadCredentials(context, data, message);
            default:
                return Errno.EINVAL;
        }
    }

    private static Errno ReadOther(
        SyscallContext context, Socket socket, in Cmsghdr control, ulong data, int size, SocketMessage message)
    {
        Span<byte> bytes = stackalloc byte[Math.Min(size, MaximumData)];
        return context.Memory.CopyIn(data, bytes) == bytes.Length
            ? socket.TakeControl(control.cmsg_level, control.cmsg_type, bytes, message)
            : Errno.EFAULT;
    }

    private static Errno ReadFiles(SyscallContext context, ulong address, int count, SocketMessage message)
    {
        OpenFile[] before = message.Files?.Files ?? [];
        if (count == 0)
        {
            return Errno.None;
        }

        if (before.Length + count > MaximumFiles)
        {
            return Errno.EINVAL;
        }

        RightsInFlight rights = context.System.Sockets.Rights;
        if (!rights.MaySend(context.Thread.SocketCaller))
        {
            return Errno.ETOOMANYREFS;
        }

        Span<int> numbers = stackalloc int[count];
        if (!context.Memory.TryRead(new UserPtr<int>(address), numbers))
        {
            return Errno.EFAULT;
        }

        if (!KernelHeap.HasRoom((before.Length + count) * IntPtr.Size))
        {
            return Errno.ENOMEM;
        }

        OpenFile[] files = new OpenFile[before.Length + count];
        before.CopyTo(files, 0);
        for (int i = 0; i < count; i++)
        {
            if (!context.Files.TryGetAny(new Fd(numbers[i]), out OpenFile? file, out Errno error))
            {
                return error;
            }

            files[before.Length + i] = file;
        }

        PassedFiles passed = new(rights, files, rights.GetUser(context.Thread.SocketCaller.Credentials.UserId));
        for (int i = before.Length; i < files.Length; i++)
        {
            files[i].AddReference();
        }

        message.Files = passed;
        return Errno.None;
    }

    /// <summary>Takes who the sender says it is: itself, or anybody where it has the rights (unix(7), SCM_CREDENTIALS).</summary>
    private static Errno ReadCredentials(SyscallContext context, ulong address, SocketMessage message)
    {
        if (!context.Memory.TryRead(new UserPtr<Ucred>(address), out Ucred claimed))
        {
            return Errno.EFAULT;
        }

        Credentials own = context.Thread.Credentials;
        bool isUser = claimed.uid == own.RealUserId || claimed.uid == own.EffectiveUserId || claimed.uid == own.SavedUserId;
        bool isGroup = claimed.gid == own.RealGroupId || claimed.gid == own.EffectiveGroupId || claimed.gid == own.SavedGroupId;
        if ((claimed.pid != context.Process.Pid && !own.Has(Capability.CAP_SYS_ADMIN))
            || (!isUser && !own.Has(Capability.CAP_SETUID))
            || (!isGroup && !own.Has(Capability.CAP_SETGID)))
        {
            return Errno.EPERM;
        }

        if (!context.System.TryGetProcess(claimed.pid, out _))
        {
            return Errno.ESRCH;
        }

        message.Credentials = new PeerCredentials(claimed.pid, claimed.uid, claimed.gid);
        return Errno.None;
    }

    /// <summary>Gives the receiver descriptors, as many as there is room to tell of, and as it may have.</summary>
    private static void WriteFiles(SyscallContext context, ref Room room, PassedFiles passed, bool closeOnExec)
    {
        OpenFile[] files = passed.Files;
        int fitting = Math.Min(files.Length, room.GetCapacity() / sizeof(int));
        Span<int> numbers = stackalloc int[Math.Max(fitting, 1)];
        int count = 0;
        while (count < fitting)
        {
            files[count].AddReference();
            if (context.Files.Add(files[count], closeOnExec, out Fd fd) != Errno.None)
            {
                files[count].Release();
                break;
            }

            numbers[count++] = fd.Number;
        }

        if (count > 0)
        {
            room.Write(ControlMessageType.SCM_RIGHTS, numbers[..count]);
        }

        room.IsCut |= count < files.Length;
    }

    /// <summary>The program's room for control messages.</summary>
    private ref struct Room(UserMemory memory, ulong address, ulong length)
    {
        private readonly ulong _length = length;
        private ulong _left = length;

        /// <summary>Bytes that were written, with those that align the next one.</summary>
        public readonly ulong Used => _length - _left;

        /// <summary>Whether something found no room (MSG_CTRUNC).</summary>
        public bool IsCut { get; set; }

        /// <summary>Bytes of data that the next message may have.</summary>
        public readonly int GetCapacity() => _left < HeaderSize ? 0 : (int)Math.Min(_left - HeaderSize, int.MaxValue);

        public void Write(ControlMessageType type, Ucred credentials, int size)
        {
            Span<byte> data = stackalloc byte[CredentialsSize];
            BitConverter.TryWriteBytes(data, credentials.pid);
            BitConverter.TryWriteBytes(data[sizeof(int)..], credentials.uid);
            BitConverter.TryWriteBytes(data[(2 * sizeof(int))..], credentials.gid);
            Write(SocketLevel.SOL_SOCKET, (int)type, data[..size]);
        }

        public void Write(ControlMessageType type, scoped ReadOnlySpan<int> numbers)
        {
            Span<byte> data = stackalloc byte[numbers.Length * sizeof(int)];
            for (int i = 0; i < numbers.Length; i++)
            {
                BitConverter.TryWriteBytes(data[(i * sizeof(int))..], numbers[i]);
            }

            Write(SocketLevel.SOL_SOCKET, (int)type, data);
        }

        /// <summary>Writes a message, or as much of it as finds room.</summary>
        public void Write(SocketLevel level, int type, scoped ReadOnlySpan<byte> data)
        {
            if (_left < HeaderSize)
            {
                IsCut = true;
                return;
            }

            int whole = HeaderSize + data.Length;
            int size = (int)Math.Min((ulong)whole, _left);
            IsCut |= size < whole;
            Cmsghdr header = new() { cmsg_len = (ulong)size, cmsg_level = level, cmsg_type = type };
            if (!memory.TryWrite(new UserPtr<Cmsghdr>(address), header)
                || !memory.TryWrite(new UserPtr<byte>(address + HeaderSize), data[..(size - HeaderSize)]))
            {
                // As on Linux: what cannot be written is not there, and the call succeeds.
                return;
            }

            ulong taken = Math.Min((ulong)Align(whole), _left);
            address += taken;
            _left -= taken;
        }
    }
}

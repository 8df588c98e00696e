using System.Buffers.Binary;
using Semitone.Abi;
using Semitone.Sockets;

namespace Semitone.Syscalls;

/// <content>Addresses, messages and options of sockets.</content>
public sealed partial class TraceLine
{
    /// <summary>Most bytes of an option that are written.</summary>
    private const int MaxOptionBytes = 64;

    /// <summary>Writes a protocol, whose name depends on the family.</summary>
    public void SocketProtocol(ulong protocol, ulong family, long result)
    {
        if ((AddressFamily)(int)family is AddressFamily.AF_INET or AddressFamily.AF_INET6)
        {
            SyscallTracer.Write_IpProtocol(this, unchecked((ulong)(int)protocol));
        }
        else
        {
            Signed((int)protocol);
        }
    }

    /// <summary>Writes an address of a socket.</summary>
    /// <param name="length">Bytes of it.</param>
    public void SocketAddress(ulong address, ulong length, long result)
    {
        Span<byte> bytes = stackalloc byte[SocketMessage.MaximumNameLength];
        int count = (int)Math.Min(unchecked((uint)length), (uint)bytes.Length);
        bytes = bytes[..count];
        if (address == 0 || count < sizeof(ushort) || Memory.CopyIn(address, bytes) != count)
        {
            StructAddress("sockaddr:"u8, address);
            return;
        }

        WriteAddress(bytes);
    }

    /// <summary>Writes an address that was answered.</summary>
    /// <param name="lengthAddress">Where the number of its bytes is.</param>
    public void SocketAddressAnswered(ulong address, ulong lengthAddress, long result)
    {
        int length = Memory.TryRead(new UserPtr<int>(lengthAddress), out int count) ? count : 0;
        SocketAddress(address, (ulong)Math.Max(0, length), result);
    }

    /// <summary>Writes the bytes that were received; a datagram may have been longer than there was room.</summary>
    public void Received(ulong address, ulong capacity, long result) => Buffer(address, Math.Min(capacity, (ulong)result));

    /// <summary>Writes a message with its buffers and control messages.</summary>
    /// <param name="result">Bytes that mean something.</param>
    public void Message(ulong address, ulong unused, long result)
    {
        if (!Memory.TryRead(new UserPtr<Msghdr>(address), out Msghdr header))
        {
            StructAddress("msghdr:"u8, address);
            return;
        }

        Text("msghdr:{msg_name="u8);
        SocketAddress(header.msg_name, (ulong)Math.Max(0, header.msg_namelen), result);
        Text(", msg_iov="u8);
        IoVec(header.msg_iov, header.msg_iovlen, (ulong)result);
        Text(", msg_control="u8);
        Control(header.msg_control, header.msg_controllen);
        Text(", msg_flags="u8);
        SyscallTracer.Write_MessageFlags(this, (uint)header.msg_flags);
        Text("}"u8);
    }

    /// <summary>Writes messages that are to be sent.</summary>
    public void Messages(ulong address, ulong count, long result)
    {
        ulong written = BeginArray(address, unchecked((uint)count));
        for (ulong i = 0; i < written; i++)
        {
            NextElement(i);
            Message(address + (i * SizeOf<Mmsghdr>()), 0, long.MaxValue);
        }

        EndArray(address, unchecked((uint)count));
    }

    /// <summary>Writes messages that were received.</summary>
    /// <param name="result">How many.</param>
    public void MessagesAnswered(ulong address, ulong capacity, long result)
    {
        ulong written = BeginArray(address, (ulong)result);
        for (ulong i = 0; i < written; i++)
        {
            NextElement(i);
            ulong header = address + (i * SizeOf<Mmsghdr>());
            Message(header, 0, Memory.TryRead(new UserPtr<Mmsghdr>(header), out Mmsghdr value) ? value.msg_len : 0);
        }

        EndArray(address, (ulong)result);
    }

    /// <summary>Writes the name of an option, which depends on its level.</summary>
    public void SocketOption(ulong name, ulong level, long result)
    {
        ulong number = unchecked((ulong)(int)name);
        switch ((SocketLevel)(int)level)
        {
            case SocketLevel.SOL_SOCKET:
                SyscallTracer.Write_SocketOption(this, number);
                break;
            case SocketLevel.SOL_IP:
                SyscallTracer.Write_IpOption(this, number);
                break;
            case SocketLevel.SOL_IPV6:
                SyscallTracer.Write_Ipv6Option(this, number);
                break;
            case SocketLevel.SOL_TCP:
                SyscallTracer.Write_TcpOption(this, number);
                break;
            default:
                Signed((int)name);
                break;
        }
    }

    /// <summary>Writes an option's value: a number where it has the size of one, its bytes otherwise.</summary>
    public void OptionValue(ulong address, ulong length, long result)
    {
        if (address != 0 && unchecked((uint)length) == sizeof(int) && Memory.TryRead(new UserPtr<int>(address), out int value))
        {
            Text("["u8);
            Signed(value);
            Text("]"u8);
            return;
        }

        Buffer(address, Math.Min(unchecked((uint)length), MaxOptionBytes));
    }

    /// <summary>Writes an option's value that was answered.</summary>
    public void OptionAnswered(ulong address, ulong lengthAddress, long result)
    {
        int length = Memory.TryRead(new UserPtr<int>(lengthAddress), out int count) ? count : 0;
        OptionValue(address, (ulong)Math.Max(0, length), result);
    }

    private void Control(ulong address, ulong length)
    {
        const ulong HeaderSize = 16;
        if (address == 0 || length == 0)
        {
            Text(address == 0 ? "NULL"u8 : "[]"u8);
            return;
        }

        Text("["u8);
        ulong offset = 0;
        for (int i = 0; offset <= length && length - offset >= HeaderSize; i++)
        {
            if (i == MaxElements || !Memory.TryRead(new UserPtr<Cmsghdr>(address + offset), out Cmsghdr header)
                || header.cmsg_len < HeaderSize || header.cmsg_len > length - offset)
            {
                Text("..."u8);
                break;
            }

            NextElement((ulong)i);
            Text("{cmsg_level="u8);
            SyscallTracer.Write_SocketLevel(this, unchecked((ulong)(int)header.cmsg_level));
            Text(", cmsg_type="u8);
            ControlData(header, address + offset + HeaderSize, header.cmsg_len - HeaderSize);
            Text("}"u8);
            offset += (header.cmsg_len + 7) & ~7UL;
        }

        Text("]"u8);
    }

    private void ControlData(Cmsghdr header, ulong address, ulong length)
    {
        if (header.cmsg_level != SocketLevel.SOL_SOCKET)
        {
            Signed(header.cmsg_type);
            Text(", "u8);
            Buffer(address, length);
            return;
        }

        SyscallTracer.Write_ControlMessageType(this, unchecked((ulong)header.cmsg_type));
        Text(", "u8);
        if ((ControlMessageType)header.cmsg_type != ControlMessageType.SCM_RIGHTS)
        {
            Buffer(address, length);
            return;
        }

        ulong count = length / sizeof(int);
        ulong written = BeginArray(address, count);
        for (ulong i = 0; i < written && Memory.TryRead(new UserPtr<int>(address + (i * sizeof(int))), out int number); i++)
        {
            NextElement(i);
            Fd(number);
        }

        EndArray(address, count);
    }

    private void WriteAddress(ReadOnlySpan<byte> bytes)
    {
        AddressFamily family = (AddressFamily)BinaryPrimitives.ReadUInt16LittleEndian(bytes);
        Text("sockaddr:{sa_family="u8);
        SyscallTracer.Write_AddressFamily(this, (ulong)family);
        ReadOnlySpan<byte> rest = bytes[sizeof(ushort)..];
        switch (family)
        {
            case AddressFamily.AF_UNIX when !rest.IsEmpty:
                Text(", sun_path="u8);
                Text(rest[0] == 0 ? "@"u8 : ""u8);
                Text("\""u8);
                int end = rest[0] == 0 ? -1 : rest.IndexOf((byte)0);
                Escape(rest[0] == 0 ? rest[1..] : end < 0 ? rest : rest[..end]);
                Text("\""u8);
                break;
            case AddressFamily.AF_INET when rest.Length >= 6:
                Text(", sin_port="u8);
                Unsigned(BinaryPrimitives.ReadUInt16BigEndian(rest));
                Text(", sin_addr="u8);
                Ipv4(rest.Slice(2, 4));
                break;
            case AddressFamily.AF_INET6 when rest.Length >= 22:
                Text(", sin6_port="u8);
                Unsigned(BinaryPrimitives.ReadUInt16BigEndian(rest));
                Text(", sin6_addr="u8);
                Ipv6(rest.Slice(6, 16));
                break;
            case AddressFamily.AF_NETLINK when rest.Length >= 10:
                Text(", nl_pid="u8);
                Unsigned(BinaryPrimitives.ReadUInt32LittleEndian(rest[2..]));
                Text(", nl_groups="u8);
                Hex(BinaryPrimitives.ReadUInt32LittleEndian(rest[6..]));
                break;
            default:
                break;
        }

        Text("}"u8);
    }

    private void Ipv4(ReadOnlySpan<byte> address)
    {
        for (int i = 0; i < address.Length; i++)
        {
            Text(i == 0 ? ""u8 : "."u8);
            Unsigned(address[i]);
        }
    }

    /// <summary>Writes an address of IPv6 as RFC 5952 wants it: the longest row of zeros is left out.</summary>
    private void Ipv6(ReadOnlySpan<byte> address)
    {
        const int Groups = 8;
        int bestStart = -1;
        int bestLength = 1;
        for (int start = 0; start < Groups;)
        {
            int length = 0;
            while (start + length < Groups && BinaryPrimitives.ReadUInt16BigEndian(address[((start + length) * 2)..]) == 0)
            {
                length++;
            }

            if (length > bestLength)
            {
                (bestStart, bestLength) = (start, length);
            }

            start += Math.Max(1, length);
        }

        for (int i = 0; i < Groups;)
        {
            if (i == bestStart)
            {
                Text("::"u8);
                i += bestLength;
                continue;
            }

            Text(i == 0 || i == bestStart + bestLength ? ""u8 : ":"u8);
            Digits(BinaryPrimitives.ReadUInt16BigEndian(address[(i * 2)..]), 16);
            i++;
        }
    }
}

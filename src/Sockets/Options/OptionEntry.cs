using System.Buffers.Binary;
using Semitone.Abi;

namespace Semitone.Sockets;

/// <summary>Tells the value of an option (getsockopt(2)).</summary>
/// <param name="value">Room for it: <see cref="OptionTable.MaximumLength"/> bytes.</param>
/// <param name="length">Bytes of the value.</param>
internal delegate Errno OptionGetter(Socket socket, Span<byte> value, out int length);

/// <summary>Takes a value for an option (setsockopt(2)).</summary>
internal delegate Errno OptionSetter(Socket socket, ReadOnlySpan<byte> value, ISocketCaller caller);

/// <summary>One option: its number, how it is told and how it is set.</summary>
/// <param name="MinimumLength">Bytes that must be given to set it: fewer are EINVAL.</param>
/// <param name="Get">Null for one that cannot be asked for.</param>
/// <param name="Set">Null for one that cannot be set.</param>
internal sealed record OptionEntry(int Name, int MinimumLength, OptionGetter? Get, OptionSetter? Set)
{
    /// <summary>An option whose value is an int.</summary>
    public static OptionEntry Int(int name, Func<Socket, int>? get, Func<Socket, int, ISocketCaller, Errno>? set) => new(
        name,
        sizeof(int),
        get is null ? null : (Socket socket, Span<byte> value, out int length) => PutInt(get(socket), value, out length),
        set is null ? null : (socket, value, caller) => set(socket, BinaryPrimitives.ReadInt32LittleEndian(value), caller));

    /// <summary>An option that is on or off.</summary>
    public static OptionEntry Flag(int name, OptionFlags flag) =>
        Int(
            name,
            socket => socket.HasOption(flag) ? 1 : 0,
            (socket, value, _) =>
            {
                socket.SetOption(flag, value != 0);
                return Errno.None;
            });

    /// <summary>Writes an int as a value.</summary>
    public static Errno PutInt(int number, Span<byte> value, out int length)
    {
        BinaryPrimitives.WriteInt32LittleEndian(value, number);
        length = sizeof(int);
        return Errno.None;
    }
}

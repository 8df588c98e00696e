using System.Globalization;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Machines;

/// <summary>The socket by which commands talk to a supervisor: a line of JSON each way.</summary>
internal static class ControlSocket
{
    private const int LongestLine = 64 * 1024;

    /// <summary>Connects with a machine's supervisor.</summary>
    /// <returns>Null when there is none.</returns>
    public static Socket? TryConnect(MachineFolder folder)
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            int descriptor = OpenFolder(folder);
            try
            {
                socket.Connect(NameShortly(descriptor));
            }
            finally
            {
                LibC.close(descriptor);
            }

            return socket;
        }
        catch (Exception failure) when (failure is SocketException or IOException)
        {
            socket.Dispose();
            return null;
        }
    }

    /// <summary>Makes the socket of a machine whose lock we hold; one that is there is nobody's.</summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    public static Socket Listen(MachineFolder folder)
    {
        const int Backlog = 64;
        LibC.unlink(HostText.ToCString(folder.ControlSocket));
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            // The descriptor stays open as long as we run: the name is used once more, when the socket is closed.
            socket.Bind(NameShortly(OpenFolder(folder)));
            socket.Listen(Backlog);
            return socket;
        }
        catch (SocketException failure)
        {
            socket.Dispose();
            throw new IOException($"{folder.ControlSocket}: {failure.Message}", failure);
        }
    }

    public static bool TrySend<T>(Socket socket, T message, JsonTypeInfo<T> type)
    {
        try
        {
            socket.Send([.. JsonSerializer.SerializeToUtf8Bytes(message, type), (byte)'\n']);
            return true;
        }
        catch (Exception failure) when (failure is SocketException or ObjectDisposedException)
        {
            return false;
        }
    }

    /// <summary>Reads a line and no byte more.</summary>
    /// <returns>Null when the other side has gone, or says something else.</returns>
    public static T? TryReceive<T>(Socket socket, JsonTypeInfo<T> type)
        where T : class
    {
        List<byte> line = [];
        Span<byte> next = stackalloc byte[1];
        try
        {
            while (socket.Receive(next) == 1 && line.Count < LongestLine)
            {
                if (next[0] == '\n')
                {
                    return JsonSerializer.Deserialize(line.ToArray(), type);
                }

                line.Add(next[0]);
            }
        }
        catch (Exception failure) when (failure is SocketException or ObjectDisposedException or JsonException)
        {
            // It has gone, or is no supervisor of this version.
        }

        return null;
    }

    /// <summary>Reads a number of bytes.</summary>
    /// <returns>False when the other side has gone.</returns>
    public static bool TryReceiveExactly(Socket socket, Span<byte> buffer)
    {
        try
        {
            while (!buffer.IsEmpty)
            {
                int count = socket.Receive(buffer);
                if (count == 0)
                {
                    return false;
                }

                buffer = buffer[count..];
            }

            return true;
        }
        catch (Exception failure) when (failure is SocketException or ObjectDisposedException)
        {
            return false;
        }
    }

    private static int OpenFolder(MachineFolder folder)
    {
        int descriptor = LibC.open(HostText.ToCString(folder.Location), LibC.O_RDONLY | LibC.O_CLOEXEC);
        return descriptor >= 0 ? descriptor : throw new IOException($"{folder.Location} cannot be opened");
    }

    /// <summary>
    /// Names the socket by a descriptor of its folder: an address holds 108 bytes (unix(7)), and a folder may have a longer path.
    /// </summary>
    private static UnixDomainSocketEndPoint NameShortly(int folder) =>
        new(string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{folder}/control"));
}

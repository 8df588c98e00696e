using System.Text;
using Semitone.Machine;

namespace Semitone.Fakes;

/// <summary>A serial line with both ends in the test's hands.</summary>
public sealed class FakeConsole : IConsole
{
    private readonly MemoryStream _output = new();
    private readonly Queue<byte> _input = new();

    /// <summary>All that was written.</summary>
    public byte[] Output => _output.ToArray();

    public string OutputText => Encoding.UTF8.GetString(_output.GetBuffer(), 0, (int)_output.Length);

    public bool HasInput => _input.Count > 0;

    public void Write(ReadOnlySpan<byte> bytes) => _output.Write(bytes);

    /// <summary>Whether the host takes output; by default it does.</summary>
    public bool IsFull { get; set; }

    public void Write(ReadOnlySpan<byte> header, ReadOnlySpan<byte> body)
    {
        Write(header);
        Write(body);
    }

    public bool HasRoom(int count) => !IsFull;

    public int Read(Span<byte> buffer)
    {
        int count = 0;
        while (count < buffer.Length && _input.TryDequeue(out byte value))
        {
            buffer[count++] = value;
        }

        return count;
    }

    /// <summary>Types on the line.</summary>
    public void Enter(ReadOnlySpan<byte> bytes)
    {
        foreach (byte value in bytes)
        {
            _input.Enqueue(value);
        }
    }

    public void Enter(string text) => Enter(Encoding.UTF8.GetBytes(text));

    public void ClearOutput() => _output.SetLength(0);
}

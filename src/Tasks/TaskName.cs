namespace Semitone.Tasks;

/// <summary>The short name of a thread (PR_SET_NAME in prctl(2)): at most 15 bytes.</summary>
public sealed class TaskName
{
    /// <summary>Bytes of the name in a guest's buffer, NUL included (TASK_COMM_LEN).</summary>
    public const int Capacity = 16;

    private readonly byte[] _bytes = new byte[Capacity];
    private int _length;

    /// <summary>The name without its NUL.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, _length);

    /// <summary>The name, padded with NULs.</summary>
    public ReadOnlySpan<byte> Padded => _bytes;

    /// <summary>Takes a name up to its first NUL, cut off where it is too long.</summary>
    public void Set(ReadOnlySpan<byte> name)
    {
        int end = name.IndexOf((byte)0);
        _length = Math.Min(end < 0 ? name.Length : end, Capacity - 1);
        _bytes.AsSpan().Clear();
        name[.._length].CopyTo(_bytes);
    }
}

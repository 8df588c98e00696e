using System.Runtime.InteropServices;

namespace Semitone.Cli.Posix;

/// <summary>Words as the C library takes them: pointers to strings that end with a NUL, and a null pointer behind the last.</summary>
internal sealed class StringArray : IDisposable
{
    public StringArray(IReadOnlyList<string> words)
    {
        Pointers = new nint[words.Count + 1];
        for (int i = 0; i < words.Count; i++)
        {
            byte[] bytes = HostText.ToCString(words[i]);
            Pointers[i] = Marshal.AllocHGlobal(bytes.Length);
            Marshal.Copy(bytes, 0, Pointers[i], bytes.Length);
        }
    }

    public nint[] Pointers { get; }

    public void Dispose()
    {
        foreach (nint pointer in Pointers)
        {
            Marshal.FreeHGlobal(pointer);
        }
    }
}

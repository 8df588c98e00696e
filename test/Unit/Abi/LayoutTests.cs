using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Semitone.Abi;
using Semitone.Unit.Support;

namespace Semitone.Unit.Abi;

/// <summary>Compares the structures of the ABI with what the kernel's own headers make of them.</summary>
public sealed class LayoutTests
{
    private const string Golden = "layouts.golden";

    [Fact]
    public void Structures_LieInMemoryAsLinuxHasThem()
    {
        Dictionary<string, Type> types = typeof(Stat).Assembly.GetExportedTypes()
            .Where(type => type.IsValueType)
            .ToDictionary(type => type.Name);
        List<string> actual = [];
        string[] expected = GoldenFile.ReadLines(Golden);
        foreach (string line in expected)
        {
            string name = line[..line.IndexOf(' ')];
            string[] parts = name.Split('.');
            Type type = types[parts[0]];
            if (parts.Length == 1)
            {
                actual.Add($"{name} {SizeOf(type)}");
            }
            else if (type.GetField(parts[1], BindingFlags.Public | BindingFlags.Static) is { } constant)
            {
                actual.Add(string.Create(CultureInfo.InvariantCulture, $"{name} {constant.GetRawConstantValue()}"));
            }
            else
            {
                FieldInfo field = type.GetField(parts[1]) ?? throw new InvalidOperationException($"There is no field {name}.");
                (int offset, int size) = Locate(type, field);
                actual.Add($"{name} {offset} {size}");
            }
        }

        Assert.Equal(expected, actual);
    }

    [Fact]
    public void Structures_AllAreInTheGoldenFile()
    {
        HashSet<string> golden = [.. GoldenFile.ReadLines(Golden).Select(line => line.Split(' ', '.')[0])];

        // Types of ours with no counterpart, and types that are fields of others.
        string[] own =
        [
            nameof(Fd), nameof(IoResult), nameof(SysResult), "UserPtr`1", nameof(UserCString), nameof(UserSpan), nameof(SignalSet),
            nameof(CapabilitySet),
            nameof(UtsNameField), nameof(LoadAverages), nameof(ControlCharacters), nameof(SchedParam), nameof(Sockaddr),
        ];
        IEnumerable<string> missing = typeof(Stat).Assembly.GetExportedTypes()
            .Where(type => type.IsValueType && !type.IsEnum && !golden.Contains(type.Name) && !own.Contains(type.Name))
            .Select(type => type.Name);
        Assert.Empty(missing);
    }

    [Fact]
    public void GoldenFile_IsWhatTheCompilerSays()
    {
        string printed = CCompiler.Run(File.ReadAllText(GoldenFile.PathNextTo("layouts.c")));
        GoldenFile.Verify(printed, Golden);
    }

    /// <summary>Finds a field by filling it with ones and looking where they are.</summary>
    private static (int Offset, int Size) Locate(Type type, FieldInfo field)
    {
        object structure = RuntimeHelpers.GetUninitializedObject(type);
        object value = RuntimeHelpers.GetUninitializedObject(field.FieldType);
        GetBytes(value).Fill(0xFF);
        field.SetValue(structure, value);
        Span<byte> bytes = GetBytes(structure);
        int offset = bytes.IndexOf((byte)0xFF);
        return (offset, bytes.LastIndexOf((byte)0xFF) + 1 - offset);
    }

    private static int SizeOf(Type type) => GetBytes(RuntimeHelpers.GetUninitializedObject(type)).Length;

    private static Span<byte> GetBytes(object boxed)
    {
        MethodInfo method = typeof(LayoutTests).GetMethod(nameof(GetBytesOf), BindingFlags.NonPublic | BindingFlags.Static)!;
        return method.MakeGenericMethod(boxed.GetType()).CreateDelegate<BytesOf>()(boxed);
    }

    private delegate Span<byte> BytesOf(object boxed);

    private static Span<byte> GetBytesOf<T>(object boxed)
        where T : struct => MemoryMarshal.Cast<T, byte>(MemoryMarshal.CreateSpan(ref Unsafe.Unbox<T>(boxed), 1));
}

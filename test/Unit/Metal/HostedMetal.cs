using System.Buffers.Binary;
using System.Reflection;

namespace Semitone.Unit.Metal;

/// <summary>An entry of the memory map.</summary>
internal readonly record struct MapEntry(ulong Start, ulong Size, uint Type);

/// <summary>
/// The part of Metal that reads the memory map and makes page tables, on the host: physical memory is an array there, of which only the
/// first bytes exist.
/// </summary>
/// <remarks>Each has statics of its own. What these sources need of the rest of Metal is in <see cref="Doubles"/>.</remarks>
internal sealed class HostedMetal
{
    public const uint Usable = 1;
    public const uint Reserved = 2;
    public const int AddressBits = 40;
    public const ulong ImageStart = 0x10_0000;
    public const ulong RodataEnd = ImageStart + 0x4_0000;
    public const ulong ImageEnd = 0x18_3000;
    public const ulong DataStart = 0x13_0000;
    public const ulong DataEnd = 0x13_8000;
    public const ulong CommandLine = 0x3_0010;
    public const ulong InitialRamDisk = 0x5_0123;
    public const ulong InitialRamDiskLength = 0x1_8001;

    /// <summary>Bytes of physical memory that exist here: what is free below must do for the tables.</summary>
    public const int Size = 64 << 20;

    private const ulong ZeroPage = 0x1_0000;
    private const ulong SetupData = 0x1_2000;
    private const int ZeroPageEntries = 128;

    /// <summary>What Metal's image, its processor and its console are to the sources that are tested.</summary>
    private const string Doubles = """
        namespace Semitone.Metal
        {
            internal static class Panic
            {
                internal static void Die(string reason) => throw new System.InvalidOperationException(reason);
            }
        }

        namespace Semitone.Metal.Cpu
        {
            internal static class Features
            {
                internal const int PhysicalAddressBits = 40;
            }

            internal static unsafe class Instructions
            {
                internal static void WriteCr3(ulong value) => Semitone.Metal.Host.Root = value;

                internal static void ClearPage(void* page) => new System.Span<byte>(page, 4096).Clear();
            }

            internal static class Symbols
            {
                private const ulong Start = Semitone.Metal.Memory.Layout.ImageBase + 0x10_0000;

                internal static ulong ImageStart() => Start;
                internal static ulong TextEnd() => Start + 0x8000;
                internal static ulong KernelImage() => Start + 0x1_0000;
                internal static ulong KernelImageEnd() => Start + 0x4_0000;
                internal static ulong RodataEnd() => Start + 0x4_0000;
                internal static ulong ImageEnd() => Start + 0x8_3000;
                internal static ulong MetalStackGuard() => Start + 0x5_0000;
                internal static ulong TrapStackGuard() => Start + 0x5_2000;
                internal static ulong FaultStackGuard() => Start + 0x5_4000;
                internal static ulong DebugStackGuard() => Start + 0x5_6000;
            }
        }

        namespace Semitone.Metal.Boot
        {
            internal static class KernelImage
            {
                internal const ulong DataStart = 0x13_0000;
                internal const ulong DataEnd = 0x13_8000;
            }
        }

        namespace Semitone.Metal.Devices
        {
            internal static class Serial
            {
                internal static void Write(string text) => Semitone.Metal.Host.Console += text;

                internal static void WriteHex(ulong value) => Semitone.Metal.Host.Console += value.ToString("x");
            }
        }

        namespace Semitone.Metal
        {
            using Semitone.Metal.Boot;
            using Semitone.Metal.Memory;

            public static unsafe class Host
            {
                private static ulong s_base;

                public static ulong Root;
                public static string Console = "";

                public static void Begin(int size)
                {
                    s_base = (ulong)System.Runtime.InteropServices.NativeMemory.AllocZeroed((nuint)size);
                    Frames.PhysicalBase = s_base;
                }

                public static void End() => System.Runtime.InteropServices.NativeMemory.Free((void*)s_base);

                public static void Write(ulong physical, byte[] bytes) =>
                    new System.ReadOnlySpan<byte>(bytes).CopyTo(new System.Span<byte>((void*)(s_base + physical), bytes.Length));

                public static ulong Read(ulong physical) => *(ulong*)(s_base + physical);

                public static void ReadLinux(ulong start) => BootData.ReadLinux(start);

                public static void ReadPvh(ulong start) => BootData.ReadPvh(start);

                public static void Install()
                {
                    PageTables.Install(ref BootData.Memory);
                    Frames.PhysicalBase = s_base;
                }

                /// <summary>Where the entry of an address lies, or 0.</summary>
                public static ulong Walk(ulong address, bool create)
                {
                    ulong* entry = PageTables.Walk(address, create);
                    return entry == null ? 0 : (ulong)entry - s_base;
                }

                public static ulong[] GetMemory() => ToArray(ref BootData.Memory);

                public static ulong[] GetFree() => ToArray(ref Frames.Initial);

                private static ulong[] ToArray(ref RangeList list)
                {
                    ulong[] bounds = new ulong[list.Count * 2];
                    for (int i = 0; i < list.Count; i++)
                    {
                        bounds[i * 2] = list.GetStart(i);
                        bounds[i * 2 + 1] = list.GetEnd(i);
                    }

                    return bounds;
                }
            }
        }
        """;

    private static readonly Lazy<byte[]> s_image = new(() => MetalSources.CompileTexts(
        "Semitone.Metal.Hosted",
        [
            MetalSources.Read("Metal/Boot/BootData.cs"),
            MetalSources.Read("Metal/Memory/Frames.cs"),
            MetalSources.Read("Metal/Memory/Layout.cs"),
            MetalSources.Read("Metal/Memory/PageTables.cs"),
            MetalSources.Read("Metal/Memory/RangeList.cs"),
            Doubles,
        ]));

    private readonly Type _host = Assembly.Load(s_image.Value).GetType("Semitone.Metal.Host", throwOnError: true)!;

    public string Console => (string)_host.GetField("Console")!.GetValue(null)!;

    /// <summary>What CR3 was set to.</summary>
    public ulong Root => (ulong)_host.GetField("Root")!.GetValue(null)!;

    /// <summary>All memory.</summary>
    public (ulong Start, ulong End)[] Memory => ToRanges(Call("GetMemory")!);

    /// <summary>What the frame allocator was given.</summary>
    public (ulong Start, ulong End)[] Free => ToRanges(Call("GetFree")!);

    /// <summary>Boots as far as the memory map, told by the 64-bit Linux boot protocol or by PVH, and lets a test look.</summary>
    public static void Boot(IReadOnlyList<MapEntry> map, bool isPvh, Action<HostedMetal> look)
    {
        HostedMetal metal = new();
        metal.Call("Begin", Size);
        try
        {
            metal.Write(CommandLine, "tests\0"u8);
            if (isPvh)
            {
                metal.BootByPvh(map);
            }
            else
            {
                metal.BootByLinux(map);
            }

            look(metal);
        }
        finally
        {
            metal.Call("End");
        }
    }

    public void Write(ulong physical, ReadOnlySpan<byte> bytes) => Call("Write", physical, bytes.ToArray());

    public ulong Read(ulong physical) => (ulong)Call("Read", physical)!;

    /// <summary>Makes the final page tables.</summary>
    public void Install() => Call("Install");

    /// <summary>Finds the entry of a page.</summary>
    /// <returns>Its physical address, or 0.</returns>
    public ulong Walk(ulong address, bool create) => (ulong)Call("Walk", address, create)!;

    private static (ulong Start, ulong End)[] ToRanges(object bounds) =>
        [.. ((ulong[])bounds).Chunk(2).Select(pair => (pair[0], pair[1]))];

    private void BootByLinux(IReadOnlyList<MapEntry> map)
    {
        byte[] page = new byte[4096];
        page[0x1E8] = (byte)Math.Min(map.Count, ZeroPageEntries);
        BinaryPrimitives.WriteUInt32LittleEndian(page.AsSpan(0x228), (uint)CommandLine);
        BinaryPrimitives.WriteUInt32LittleEndian(page.AsSpan(0x218), (uint)InitialRamDisk);
        BinaryPrimitives.WriteUInt32LittleEndian(page.AsSpan(0x21C), (uint)InitialRamDiskLength);
        for (int i = 0; i < Math.Min(map.Count, ZeroPageEntries); i++)
        {
            WriteEntry(page.AsSpan(0x2D0 + i * 20), map[i]);
        }

        // What does not fit comes in two pieces.
        int rest = Math.Max(0, map.Count - ZeroPageEntries);
        ulong data = SetupData;
        BinaryPrimitives.WriteUInt64LittleEndian(page.AsSpan(0x250), rest == 0 ? 0 : data);
        for (int first = ZeroPageEntries; first < map.Count;)
        {
            int count = Math.Min(map.Count - first, rest / 2 + 1);
            byte[] piece = new byte[16 + count * 20];
            ulong next = data + (ulong)piece.Length + 8 & ~7UL;
            BinaryPrimitives.WriteUInt64LittleEndian(piece, first + count < map.Count ? next : 0);
            BinaryPrimitives.WriteUInt32LittleEndian(piece.AsSpan(8), 1);
            BinaryPrimitives.WriteUInt32LittleEndian(piece.AsSpan(12), (uint)(count * 20));
            for (int i = 0; i < count; i++)
            {
                WriteEntry(piece.AsSpan(16 + i * 20), map[first + i]);
            }

            Write(data, piece);
            first += count;
            data = next;
        }

        Write(ZeroPage, page);
        Call("ReadLinux", ZeroPage);
    }

    private void BootByPvh(IReadOnlyList<MapEntry> map)
    {
        const ulong Module = ZeroPage + 0x100;
        byte[] header = new byte[64];
        BinaryPrimitives.WriteUInt32LittleEndian(header, 0x336E_C578);
        header[4] = 1;
        header[12] = 1;
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(16), Module);
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(24), CommandLine);
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(40), SetupData);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(48), map.Count);
        Write(ZeroPage, header);
        byte[] module = new byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(module, InitialRamDisk);
        BinaryPrimitives.WriteUInt64LittleEndian(module.AsSpan(8), InitialRamDiskLength);
        Write(Module, module);
        byte[] entries = new byte[map.Count * 24];
        for (int i = 0; i < map.Count; i++)
        {
            WriteEntry(entries.AsSpan(i * 24), map[i]);
        }

        Write(SetupData, entries);
        Call("ReadPvh", ZeroPage);
    }

    private static void WriteEntry(Span<byte> place, MapEntry entry)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(place, entry.Start);
        BinaryPrimitives.WriteUInt64LittleEndian(place[8..], entry.Size);
        BinaryPrimitives.WriteUInt32LittleEndian(place[16..], entry.Type);
    }

    private object? Call(string name, params object[] arguments) =>
        _host.GetMethod(name)!.Invoke(null, BindingFlags.DoNotWrapExceptions, null, arguments, null);
}

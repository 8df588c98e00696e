using System.Reflection;
using Semitone.Abi;
using Semitone.Machine;
using Semitone.Unit.Metal;

namespace Semitone.Unit.Machine;

/// <summary>
/// Machine.X64's own page tables and frames, on the host: physical memory is an array there, and Metal's functions are methods that report
/// what they are asked for.
/// </summary>
internal sealed class HostedPageTables : IDisposable
{
    /// <summary>Metal's side of the door.</summary>
    private const string Doubles = """
        namespace Semitone.Machine.X64
        {
            public static unsafe class Host
            {
                private const ulong FrameCount = 2048;
                private static readonly Stack<ulong> s_free = new();
                private static ulong s_base;
                private static MetalDoor* s_door;

                public static Action<ulong> WritesCr3 = _ => { };
                public static Action<ulong> InvalidatesPage = _ => { };
                public static Action<ulong> FreesFrame = _ => { };

                public static ulong KernelRoot => s_door->KernelRoot;

                public static Semitone.Machine.IMachine Begin()
                {
                    s_base = (ulong)System.Runtime.InteropServices.NativeMemory.AlignedAlloc((nuint)(FrameCount << 12), 4096);
                    new Span<byte>((void*)s_base, (int)(FrameCount << 12)).Clear();
                    for (ulong frame = FrameCount - 1; frame > 0; frame--)
                    {
                        s_free.Push(frame << 12);
                    }

                    s_door = (MetalDoor*)System.Runtime.InteropServices.NativeMemory.AllocZeroed((nuint)sizeof(MetalDoor));
                    s_door->DirectMap = s_base;
                    s_door->KernelRoot = s_free.Pop();
                    s_door->FrameLimit = FrameCount;
                    s_door->ExtendedStateSize = 512;
                    s_door->TscGivenHertz = 1_000_000_000;
                    s_door->HasInvariantTsc = 1;
                    s_door->ReadTsc = &ReadTsc;
                    s_door->SetTscHertz = &SetTscHertz;
                    s_door->CopyUser = &CopyUser;
                    s_door->WriteCr3 = &WriteCr3;
                    s_door->InvalidatePage = &InvalidatePage;
                    s_door->ClearPage = &ClearPage;
                    s_door->TakeFrame = &TakeFrame;
                    s_door->FreeFrame = &FreeFrame;
                    System.Reflection.ConstructorInfo enter = typeof(X64Machine).GetConstructors(
                        System.Reflection.BindingFlags.Instance | System.Reflection.BindingFlags.NonPublic)[0];
                    return (X64Machine)enter.Invoke([System.Reflection.Pointer.Box(s_door, typeof(MetalDoor*))]);
                }

                public static void End()
                {
                    System.Runtime.InteropServices.NativeMemory.AlignedFree((void*)s_base);
                    System.Runtime.InteropServices.NativeMemory.Free(s_door);
                }

                public static ulong Read(ulong physical) => *(ulong*)(s_base + physical);

                public static ulong RootOf(Semitone.Machine.IPageTable table) => ((PageTable)table).Root;

                private static ulong ReadTsc() => 1;

                private static void SetTscHertz(ulong hertz)
                {
                }

                private static long CopyUser(void* to, void* from, long count) => 0;

                private static void WriteCr3(ulong root) => WritesCr3(root);

                private static void InvalidatePage(ulong address) => InvalidatesPage(address);

                private static void ClearPage(void* page) => new Span<byte>(page, 4096).Clear();

                private static ulong TakeFrame() => s_free.TryPop(out ulong frame) ? frame : 0;

                private static void FreeFrame(ulong frame)
                {
                    FreesFrame(frame);
                    new Span<byte>((void*)(s_base + frame), 4096).Fill(0xDB);
                    s_free.Push(frame);
                }
            }
        }
        """;

    private const string Usings = "global using System; global using System.Collections.Generic; global using System.Threading;";

    private static readonly Lazy<byte[]> s_image = new(Compile);

    private readonly Type _host = Assembly.Load(s_image.Value).GetType("Semitone.Machine.X64.Host", throwOnError: true)!;
    private readonly Func<ulong, ulong> _read;
    private readonly Func<IPageTable, ulong> _rootOf;

    public HostedPageTables()
    {
        Machine = _host.GetMethod("Begin")!.CreateDelegate<Func<IMachine>>()();
        _read = _host.GetMethod("Read")!.CreateDelegate<Func<ulong, ulong>>();
        _rootOf = _host.GetMethod("RootOf")!.CreateDelegate<Func<IPageTable, ulong>>();
    }

    public IMachine Machine { get; }

    public ulong KernelRoot => (ulong)_host.GetProperty("KernelRoot")!.GetValue(null)!;

    public ulong Read(ulong physical) => _read(physical);

    public ulong RootOf(IPageTable table) => _rootOf(table);

    /// <summary>Says who hears of what the CPU is told and of frames that become free.</summary>
    public void Connect(Action<ulong> writesCr3, Action<ulong> invalidatesPage, Action<ulong> freesFrame)
    {
        _host.GetField("WritesCr3")!.SetValue(null, writesCr3);
        _host.GetField("InvalidatesPage")!.SetValue(null, invalidatesPage);
        _host.GetField("FreesFrame")!.SetValue(null, freesFrame);
    }

    public void Dispose() => _host.GetMethod("End")!.Invoke(null, null);

    /// <summary>Compiles the sources as they are, but for the door's functions, which are managed ones here.</summary>
    private static byte[] Compile()
    {
        const string Convention = "unmanaged[SuppressGCTransition]";
        IEnumerable<string> sources =
            MetalSources.ListFiles("Machine.X64").Select(path => MetalSources.Read(path).Replace(Convention, "", StringComparison.Ordinal));
        return MetalSources.CompileTexts("Semitone.Machine.X64", [.. sources, Doubles, Usings], typeof(IMachine), typeof(Paging));
    }
}

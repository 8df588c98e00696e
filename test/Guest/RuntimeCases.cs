using System.Runtime.CompilerServices;
using Semitone.Abi;
using Semitone.Machine.X64;

namespace Semitone.Guest;

/// <summary>What the managed runtime does in ring 0 as it does on Linux.</summary>
internal static class RuntimeCases
{
    internal static readonly (string Name, Action<X64Machine> Body)[] All =
    [
        ("Collections_UnderAllocation_KeepWhatIsReachable", Collect),
        ("Throw_NestedAndFiltered_ReachesTheRightHandler", Throw),
        ("NullReference_IsAnException", DereferenceNull),
        ("NullReference_WhereTheStackHasNoPageYet_IsAnException", DereferenceNullOnNewPages),
        ("DivisionByZero_IsAnException", DivideByZero),
        ("StackOverflowDepth_DeepRecursionWithinTheStackWorks", Recurse),
        ("Finalizers_RunOnTheirThread", Finalize),
        ("Threads_StartRunAndJoin", StartThreads),
        ("Clock_AdvancesWhileIdle", Sleep),
    ];

    private static int s_finalized;

    private static void Collect(X64Machine machine)
    {
        List<byte[]> kept = [];
        int before = GC.CollectionCount(0);
        for (int i = 0; i < 40_000; i++)
        {
            byte[] block = new byte[200 + i % 300];
            block[0] = (byte)i;
            if (i % 100 == 0)
            {
                kept.Add(block);
            }
        }

        GC.Collect();
        Check.True(GC.CollectionCount(0) > before, "no collection happened");
        for (int i = 0; i < kept.Count; i++)
        {
            Check.Equal((byte)(i * 100), kept[i][0], "a kept block");
        }
    }

    private static void Throw(X64Machine machine)
    {
        string path = string.Empty;
        try
        {
            try
            {
                throw new InvalidOperationException("a");
            }
            catch (InvalidOperationException) when (path.Length > 0)
            {
                path += "filtered";
            }
            finally
            {
                path += "finally ";
            }
        }
        catch (Exception e) when (e.Message == "a")
        {
            path += "caught";
        }

        Check.Equal("finally caught", path, "the way of the exception");
    }

    private static void DereferenceNull(X64Machine machine)
    {
        bool caught = false;
        try
        {
            Touch(machine.Boot.CommandLine.Length < 0 ? machine : null);
        }
        catch (NullReferenceException)
        {
            caught = true;
        }

        Check.True(caught, "nothing was thrown");
    }

    /// <summary>
    /// What tells the runtime of a fault lies below the stack pointer: in pages that nobody has touched, when the stack has just grown.
    /// </summary>
    private static void DereferenceNullOnNewPages(X64Machine machine)
    {
        const int Step = 32 * 1024; // more than the handling of an exception takes
        const int Rounds = 16;
        int caught = 0;
        Thread thread = new(
            () =>
            {
                for (int i = 1; i <= Rounds; i++)
                {
                    caught += DereferenceNullBelow(i * (Step + Paging.PageSize / Rounds));
                }
            },
            2 * Rounds * Step);
        thread.Start();
        thread.Join();
        Check.Equal(Rounds, caught, "exceptions");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int DereferenceNullBelow(int size)
    {
        Span<byte> room = stackalloc byte[size];
        room[0] = 1;
        try
        {
            return Touch(room.Length == 0 ? room.ToArray() : null);
        }
        catch (NullReferenceException)
        {
            return room[0];
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Touch(object? value) => ((int[])value!).Length;

    private static void DivideByZero(X64Machine machine)
    {
        bool caught = false;
        try
        {
            Check.True(Divide(1, 0) == 0, "divided");
        }
        catch (DivideByZeroException)
        {
            caught = true;
        }

        Check.True(caught, "nothing was thrown");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Divide(int a, int b) => a / b;

    private static void Recurse(X64Machine machine) => Check.Equal(4000, Depth(4000), "depth");

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Depth(int n) => n == 0 ? 0 : Depth(n - 1) + 1;

    private static void Finalize(X64Machine machine)
    {
        MakeGarbage();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Check.True(s_finalized > 0, "no finalizer ran");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void MakeGarbage()
    {
        for (int i = 0; i < 10; i++)
        {
            _ = new Finalizable();
        }
    }

    private static void StartThreads(X64Machine machine)
    {
        int sum = 0;
        object gate = new();
        Thread[] threads = new Thread[4];
        for (int i = 0; i < threads.Length; i++)
        {
            threads[i] = new Thread(
                () =>
                {
                    for (int j = 0; j < 1000; j++)
                    {
                        lock (gate)
                        {
                            sum++;
                        }

                        _ = new byte[100];
                    }
                },
                128 * 1024);
            threads[i].Start();
        }

        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        Check.Equal(4000, sum, "what the threads counted");
    }

    private static void Sleep(X64Machine machine)
    {
        long start = machine.Clock.MonotonicNs;
        long alarm = start + 20_000_000;
        machine.Cpu.SetAlarm(alarm);
        while (machine.Clock.MonotonicNs < alarm)
        {
            machine.Cpu.Idle();
        }

        machine.Cpu.SetAlarm(long.MaxValue);
        long slept = machine.Clock.MonotonicNs - start;
        Check.True(slept is >= 20_000_000 and < 10_000_000_000, $"slept {slept} ns");
    }

    private sealed class Finalizable
    {
        ~Finalizable() => s_finalized++;
    }
}

using System.Text;
using Semitone.Abi;
using Semitone.Syscalls;

namespace Semitone.Unit.Syscalls;

public sealed class SyscallCountsTests
{
    private readonly SyscallCounts _counts = new();

    [Fact]
    public void Describe_CallsOfAllKinds_NamesEachOnce()
    {
        Assert.Equal("", _counts.Describe(10));
        Count(248, 9999, 41, 248, 335);
        Assert.Equal(5UL, _counts.Total);
        Assert.Equal("socket, add_key (2 times), number 335, numbers above 462", _counts.Describe(4));
    }

    [Fact]
    public void Describe_MoreThanALineHolds_SaysHowManyMore()
    {
        Count(248, 9999, 41, 41);
        Assert.Equal("socket (2 times) and 2 more", _counts.Describe(1));
    }

    [Fact]
    public void Describe_WhatEveryProgramAsksFor_IsNoNews()
    {
        Count((uint)SyscallNumber.rseq);
        Assert.Equal("", _counts.Describe(10));
        Assert.Equal("{\"rseq\":1}", Json());
        Count(41);
        Assert.Equal("socket", _counts.Describe(10));
    }

    [Fact]
    public void WriteJson_Calls_IsAnObject()
    {
        Assert.Equal("{}", Json());
        Count(0, 0, 41, 9999);
        Assert.Equal("""{"read":2,"socket":1,"?":1}""", Json());
    }

    /// <summary>In a system call there may be no memory left.</summary>
    [Fact]
    public void Count_AnyNumber_AllocatesNothing()
    {
        Count(1);
        long before = GC.GetAllocatedBytesForCurrentThread();
        _counts.Count(41);
        _counts.Count(uint.MaxValue);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private void Count(params uint[] numbers) => Array.ForEach(numbers, _counts.Count);

    private string Json()
    {
        StringBuilder json = new();
        _counts.WriteJson(json);
        return json.ToString();
    }
}

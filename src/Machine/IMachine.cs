using System.Diagnostics.CodeAnalysis;

namespace Semitone.Machine;

/// <summary>The machine that the kernel runs on: everything that it cannot do in safe code.</summary>
/// <remarks>
/// One sealed implementation in the image (Machine.X64), so that calls are devirtualised; a fake one in the host's tests.
/// </remarks>
public interface IMachine
{
    IFrameAllocator Frames { get; }

    ICpu Cpu { get; }

    IClock Clock { get; }

    IConsole Console { get; }

    /// <summary>The machine's devices, for drivers.</summary>
    IDeviceAccess Devices { get; }

    BootInformation Boot { get; }

    CpuFeatures CpuFeatures { get; }

    /// <summary>Makes an empty address space.</summary>
    /// <returns>False when memory has run out.</returns>
    bool TryCreatePageTable([NotNullWhen(true)] out IPageTable? pageTable);

    /// <summary>Makes the state of a new guest thread: all registers zero.</summary>
    /// <returns>False when memory has run out.</returns>
    bool TryCreateContext([NotNullWhen(true)] out IGuestContext? context);

    /// <summary>Fills a buffer with bytes from the machine's entropy source (RDSEED, RDRAND, or timing where there is neither).</summary>
    void GetEntropy(Span<byte> destination);

    /// <summary>Ends the virtual machine.</summary>
    /// <param name="status">The status that the machine monitor is to end with, where it can be told.</param>
    [DoesNotReturn]
    void PowerOff(byte status);
}

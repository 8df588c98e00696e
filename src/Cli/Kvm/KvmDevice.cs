using System.Runtime.InteropServices;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Kvm;

/// <summary>A descriptor of KVM's, with the calls that are made on it (Linux' Documentation/virt/kvm/api.rst).</summary>
internal sealed class KvmDevice(int descriptor) : IDisposable
{
    public const ulong GetApiVersion = 0xAE00;
    public const ulong CreateVm = 0xAE01;
    public const ulong CheckExtension = 0xAE03;
    public const ulong GetVcpuMmapSize = 0xAE04;
    public const ulong GetSupportedCpuid = 0xC008AE05;
    public const ulong CreateVcpu = 0xAE41;
    public const ulong SetUserMemoryRegion = 0x4020AE46;
    public const ulong SetTssAddress = 0xAE47;
    public const ulong SetIdentityMapAddress = 0x4008AE48;
    public const ulong CreateIrqChip = 0xAE60;
    public const ulong Run = 0xAE80;
    public const ulong SetRegisters = 0x4090AE82;
    public const ulong GetSpecialRegisters = 0x8138AE83;
    public const ulong SetSpecialRegisters = 0x4138AE84;
    public const ulong GetMsrs = 0xC008AE88;
    public const ulong SetMsrs = 0x4008AE89;
    public const ulong SetCpuid2 = 0x4008AE90;

    public int Descriptor => descriptor;

    /// <summary>Opens the device.</summary>
    /// <returns>0, or errno.</returns>
    public static int Open(string path, out KvmDevice? device)
    {
        int descriptor = LibC.open(HostText.ToCString(path), LibC.O_RDWR | LibC.O_CLOEXEC);
        device = descriptor < 0 ? null : new KvmDevice(descriptor);
        return descriptor < 0 ? Marshal.GetLastPInvokeError() : 0;
    }

    /// <summary>Makes a call that takes a number.</summary>
    /// <exception cref="KvmFailedException">It failed.</exception>
    public int Call(ulong request, nint argument, string name)
    {
        int result;
        do
        {
            result = LibC.ioctl(descriptor, request, argument);
        }
        while (result < 0 && Marshal.GetLastPInvokeError() == LibC.EINTR); // a signal for this process; the guest goes on where it was

        return Check(result, name);
    }

    /// <summary>Makes a call that takes a structure.</summary>
    /// <exception cref="KvmFailedException">It failed.</exception>
    public int Call(ulong request, byte[] argument, string name) => Check(LibC.ioctl(descriptor, request, argument), name);

    /// <summary>Makes a call that may fail.</summary>
    /// <returns>-1 when it did.</returns>
    public int TryCall(ulong request, byte[] argument) => LibC.ioctl(descriptor, request, argument);

    /// <summary>Makes a call that gives a descriptor.</summary>
    /// <exception cref="KvmFailedException">It failed.</exception>
    public KvmDevice Create(ulong request, nint argument, string name) => new(Call(request, argument, name));

    public void Dispose() => LibC.close(descriptor);

    private static int Check(int result, string name)
    {
        if (result >= 0)
        {
            return result;
        }

        int error = Marshal.GetLastPInvokeError();
        bool isShortage = error is LibC.EBUSY or LibC.ENOMEM or LibC.EMFILE or LibC.ENFILE or LibC.EAGAIN;
        string why = error == LibC.EBUSY
            ? "busy: another hypervisor holds the CPU's virtualization"
            : Marshal.GetPInvokeErrorMessage(error);
        throw new KvmFailedException(isShortage ? KvmState.Busy : KvmState.Broken, $"{name}: {why}");
    }
}

using System.Text;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Kvm;

/// <summary>
/// Answers whether KVM can be used, in some milliseconds and never in more than <see cref="s_limit"/>; an answer that stays true is kept
/// for this boot of the host.
/// </summary>
internal static class KvmInspector
{
    /// <summary>Names another device than <see cref="DefaultDevice"/>.</summary>
    public const string DeviceVariable = "SEMITONE_KVM";

    public const string DefaultDevice = "/dev/kvm";

    /// <summary>
    /// The probe takes some 10 ms; this is for a host that does much else. A virtual CPU that never returns is killed with the process that
    /// waits for it.
    /// </summary>
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(1);

    /// <summary>A probe that did not come to its end may do so when the host has less to do.</summary>
    private static readonly TimeSpan s_hungAnswerLasts = TimeSpan.FromMinutes(10);

    public static string Device => HostEnvironment.Get(DeviceVariable) is { Length: > 0 } named ? named : DefaultDevice;

    /// <summary>Asks.</summary>
    /// <param name="device">The device.</param>
    /// <param name="qemu">The QEMU that is to use it: another one may do better.</param>
    public static KvmAnswer Ask(string device, string qemu)
    {
        // Each time: it costs nothing, and rights change.
        if (KvmDevice.Open(device, out KvmDevice? kvm) is not 0 and int error)
        {
            return DescribeOpenError(device, error);
        }

        kvm!.Dispose();
        KvmAnswerStore store = KvmAnswerStore.Find(device, qemu);
        if (store.Read() is { } kept)
        {
            return kept;
        }

        KvmAnswer answer = ProbeInChild(device);
        if (answer.State is KvmState.Usable or KvmState.Broken)
        {
            store.Write(answer, null);
        }
        else if (answer.State == KvmState.Hung)
        {
            store.Write(answer, s_hungAnswerLasts);
        }

        return answer;
    }

    /// <summary>Takes a yes back: QEMU did not get the kernel to start, and without KVM it did.</summary>
    /// <param name="mayPass">For some time only.</param>
    public static void Correct(string device, string qemu, string reason, bool mayPass) =>
        KvmAnswerStore.Find(device, qemu).Write(
            KvmAnswer.No(mayPass ? KvmState.Hung : KvmState.Broken, reason), mayPass ? s_hungAnswerLasts : null);

    public static KvmAnswer DescribeOpenError(string device, int error) => error switch
    {
        LibC.ENOENT or LibC.ENXIO or LibC.ENODEV or LibC.ENOTDIR => KvmAnswer.No(KvmState.Absent, $"there is no {device}"),
        LibC.EACCES or LibC.EPERM => KvmAnswer.No(
            KvmState.Forbidden,
            $"{device} may not be opened by this user: permission denied (it belongs to a group, mostly `kvm`, whose members may)"),
        _ => KvmAnswer.No(
            KvmState.Busy, $"{device} cannot be opened: {System.Runtime.InteropServices.Marshal.GetPInvokeErrorMessage(error)}"),
    };

    private static KvmAnswer ProbeInChild(string device)
    {
        ChildProcess probe = ChildProcess.Start([Environment.ProcessPath!, "kvm", "--probe", device]);
        bool isLate = false;
        using Timer timer = new(_ => { Volatile.Write(ref isLate, true); probe.Kill(); }, null, s_limit, Timeout.InfiniteTimeSpan);
        StringBuilder output = new();
        byte[] buffer = new byte[4096];
        int length;
        while ((length = Descriptor.Read(probe.Output, buffer)) > 0)
        {
            output.Append(Encoding.UTF8.GetString(buffer, 0, length));
        }

        int status = probe.Wait();
        probe.Close();
        return ProbeReport.Parse(output.ToString()) is { Answer: { } answer } ? answer
            : Volatile.Read(ref isLate)
                ? KvmAnswer.No(
                    KvmState.Hung,
                    $"a trial of it hung at {ProbeReport.Parse(output.ToString()).LastStep} and was ended after {s_limit.TotalSeconds} s")
                : KvmAnswer.No(
                    KvmState.Hung, $"a trial of it ended with status {status} at {ProbeReport.Parse(output.ToString()).LastStep}");
    }
}

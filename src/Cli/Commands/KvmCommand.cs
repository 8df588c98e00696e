using System.CommandLine;
using System.Text;
using Semitone.Cli.Kvm;
using Semitone.Cli.Posix;
using Semitone.Cli.Running;

namespace Semitone.Cli.Commands;

/// <summary><c>semitone kvm</c>: what <c>--accel auto</c> goes by.</summary>
internal static class KvmCommand
{
    public static Command Build()
    {
        Option<string?> probe =
            new("--probe") { Description = "Try this device in this process, which may hang", HelpName = "DEVICE", Hidden = true };
        Command command = new("kvm", "Find out whether KVM can be used here, and why not") { probe };
        command.SetAction(result =>
        {
            if (result.GetValue(probe) is { } device)
            {
                Say(ProbeReport.FormatAnswer(KvmProbe.Run(device, step => Say(ProbeReport.FormatStep(step)))));
                return 0;
            }

            KvmAnswer answer = KvmInspector.Ask(KvmInspector.Device, HostCapabilities.Qemu);
            if (!answer.IsUsable)
            {
                Say($"KVM cannot be used: {answer.Reason}\n");
                return 1;
            }

            Say("KVM can be used" + (answer.Removed.IsEmpty ? "\n" : $", without {string.Join(", ", answer.Removed)}\n"));
            return 0;
        });
        return command;
    }

    private static void Say(string text) => Output.Write(text);
}

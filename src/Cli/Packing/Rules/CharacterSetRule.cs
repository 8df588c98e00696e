using Semitone.Cli.Libraries;

namespace Semitone.Cli.Packing.Rules;

/// <summary>
/// glibc's conversions between character sets, for a program that itself converts (iconv(3)); UTF-8, UTF-16 and ASCII are built in.
/// </summary>
internal sealed class CharacterSetRule : PackingRule
{
    public override string Name => "character sets";

    public override string? Apply(PackingContext context)
    {
        foreach (PackedProgram program in context.Programs.Where(program => program.Executable.Names("iconv_open"u8)))
        {
            if (program.Finder.Objects.FirstOrDefault(item => item.SoName == "libc.so.6") is { } library)
            {
                string folder = $"{Path.GetDirectoryName(library.Path)}/gconv";
                return context.AddTree(folder, program) ? $"{folder} for {program.FileName}" : null;
            }
        }

        return null;
    }
}

using Semitone.Abi;
using Semitone.Files;

namespace Semitone.Tasks;

/// <summary>Whom a thread acts as and what it may (credentials(7), capabilities(7)). Immutable: a change makes a new one.</summary>
public sealed record Credentials
{
    /// <summary>The superuser with every capability: what the first program runs as.</summary>
    public static readonly Credentials Root = new();

    public uint RealUserId { get; init; }

    public uint EffectiveUserId { get; init; }

    public uint SavedUserId { get; init; }

    public uint FileSystemUserId { get; init; }

    public uint RealGroupId { get; init; }

    public uint EffectiveGroupId { get; init; }

    public uint SavedGroupId { get; init; }

    public uint FileSystemGroupId { get; init; }

    /// <summary>Supplementary groups; never changed in place.</summary>
    public uint[] Groups { get; init; } = [];

    /// <summary>What the process may do now.</summary>
    public CapabilitySet Effective { get; init; } = CapabilitySet.All;

    /// <summary>What it may make effective.</summary>
    public CapabilitySet Permitted { get; init; } = CapabilitySet.All;

    public CapabilitySet Inheritable { get; init; }

    /// <summary>What no program that it executes can have more than.</summary>
    public CapabilitySet Bounding { get; init; } = CapabilitySet.All;

    /// <summary>What programs without privileges of their own keep.</summary>
    public CapabilitySet Ambient { get; init; }

    public SecureBits SecureBits { get; init; }

    public bool Has(Capability capability) => Effective.Contains(capability);

    /// <summary>Whether a user and a group are the real, effective and saved ones.</summary>
    public bool IsWholly(uint user, uint group) =>
        user == RealUserId && user == EffectiveUserId && user == SavedUserId
        && group == RealGroupId && group == EffectiveGroupId && group == SavedGroupId;

    /// <summary>What of it counts for access to files.</summary>
    public FileCredentials ToFileCredentials() => new()
    {
        UserId = FileSystemUserId,
        GroupId = FileSystemGroupId,
        Groups = Groups,
        Capabilities = Effective,
    };

    /// <summary>
    /// Does to the capabilities what a change of user IDs does (capabilities(7), "Effect of user ID changes on capabilities").
    /// </summary>
    /// <param name="old">Before the change.</param>
    public Credentials AfterUserChange(Credentials old)
    {
        if ((SecureBits & SecureBits.SECBIT_NO_SETUID_FIXUP) != 0)
        {
            return this;
        }

        CapabilitySet effective = Effective;
        CapabilitySet permitted = Permitted;
        CapabilitySet ambient = Ambient;
        bool wasRoot = old.RealUserId == 0 || old.EffectiveUserId == 0 || old.SavedUserId == 0;
        if (wasRoot && RealUserId != 0 && EffectiveUserId != 0 && SavedUserId != 0)
        {
            if ((SecureBits & SecureBits.SECBIT_KEEP_CAPS) == 0)
            {
                permitted = CapabilitySet.Empty;
                effective = CapabilitySet.Empty;
            }

            ambient = CapabilitySet.Empty;
        }

        if (old.EffectiveUserId == 0 && EffectiveUserId != 0)
        {
            effective = CapabilitySet.Empty;
        }
        else if (old.EffectiveUserId != 0 && EffectiveUserId == 0)
        {
            effective = permitted;
        }

        return this with { Effective = effective, Permitted = permitted, Ambient = ambient };
    }

    /// <summary>Does to the capabilities what a change of the file-system user ID alone does (setfsuid(2)).</summary>
    public Credentials AfterFileSystemUserChange(Credentials old)
    {
        if ((SecureBits & SecureBits.SECBIT_NO_SETUID_FIXUP) != 0)
        {
            return this;
        }

        return (old.FileSystemUserId == 0, FileSystemUserId == 0) switch
        {
            (true, false) => this with { Effective = Effective & ~CapabilitySet.OfFiles },
            (false, true) => this with { Effective = Effective | (Permitted & CapabilitySet.OfFiles) },
            _ => this,
        };
    }
}

namespace Semitone.Cli.Archives;

/// <summary>Walks over the entries of an archive from its start to its end.</summary>
internal interface IArchiveReader
{
    /// <summary>Extended attributes that were passed over: no initrd can hold any.</summary>
    int LeftOutAttributes { get; }

    /// <summary>Reads the next entry; what is left of the one before is passed over.</summary>
    /// <returns>Null at the end, which was found to be a proper one.</returns>
    /// <exception cref="ArchiveException">The archive is damaged, or holds what cannot be used.</exception>
    ArchiveEntry? Read();
}

/// <summary>The end of reading an archive because of what is in it.</summary>
/// <param name="message">What is wrong, as the predicate of a sentence about the archive.</param>
internal sealed class ArchiveException(string message) : Exception(message);

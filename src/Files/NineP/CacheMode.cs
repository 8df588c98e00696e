namespace Semitone.Files;

/// <summary>How long what a server has told is believed (the mount option cache=).</summary>
public enum CacheMode
{
    /// <summary>Not beyond the call that asked: reads and writes go out, names and attributes are asked for each time.</summary>
    None,

    /// <summary>For a second; open(2) always asks, so that who opens a file sees what was written before it was closed elsewhere.</summary>
    Check,

    /// <summary>For ever: nobody else changes anything.</summary>
    Loose,
}

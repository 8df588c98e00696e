using System.Runtime.Versioning;

// The command-line tool is for Linux only, and so are the tests of what it starts.
[assembly: SupportedOSPlatform("linux")]

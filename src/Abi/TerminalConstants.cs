namespace Semitone.Abi;

/// <summary>Requests of ioctl(2) (ioctl_tty(2), ioctl_fs(2), netdevice(7)).</summary>
public enum IoctlRequest : uint
{
    TCGETS = 0x5401,
    TCSETS = 0x5402,
    TCSETSW = 0x5403,
    TCSETSF = 0x5404,
    TCGETA = 0x5405,
    TCSETA = 0x5406,
    TCSBRK = 0x5409,
    TCXONC = 0x540A,
    TCFLSH = 0x540B,
    TIOCEXCL = 0x540C,
    TIOCNXCL = 0x540D,
    TIOCSCTTY = 0x540E,
    TIOCGPGRP = 0x540F,
    TIOCSPGRP = 0x5410,
    TIOCOUTQ = 0x5411,
    TIOCSTI = 0x5412,
    TIOCGWINSZ = 0x5413,
    TIOCSWINSZ = 0x5414,
    FIONREAD = 0x541B,
    FIONBIO = 0x5421,
    TIOCNOTTY = 0x5422,
    TIOCSETD = 0x5423,
    TIOCGETD = 0x5424,
    TCSBRKP = 0x5425,
    TIOCGSID = 0x5429,
    TCGETS2 = 0x802C_542A,
    TCSETS2 = 0x402C_542B,
    TCSETSW2 = 0x402C_542C,
    TCSETSF2 = 0x402C_542D,
    TIOCPKT = 0x5420,
    TIOCGPTN = 0x8004_5430,
    SIOCATMARK = 0x8905,
    SIOCGIFNAME = 0x8910,
    SIOCGIFCONF = 0x8912,
    SIOCGIFFLAGS = 0x8913,
    SIOCGIFADDR = 0x8915,
    SIOCGIFDSTADDR = 0x8917,
    SIOCGIFBRDADDR = 0x8919,
    SIOCGIFNETMASK = 0x891B,
    SIOCGIFMETRIC = 0x891D,
    SIOCGIFMTU = 0x8921,
    SIOCGIFHWADDR = 0x8927,
    SIOCGIFINDEX = 0x8933,
    SIOCGIFTXQLEN = 0x8942,
    SIOCGIFMAP = 0x8970,
    TIOCSPTLCK = 0x4004_5431,
    TIOCGDEV = 0x8004_5432,
    TIOCSIG = 0x4004_5436,
    TIOCGPKT = 0x8004_5438,
    TIOCGPTLCK = 0x8004_5439,
    TIOCGEXCL = 0x8004_5440,
    TIOCGPTPEER = 0x5441,
    FIONCLEX = 0x5450,
    FIOCLEX = 0x5451,
    FIOASYNC = 0x5452,
    FIOQSIZE = 0x5460,
    TFD_IOC_SET_TICKS = 0x4008_5400,
    FICLONE = 0x4004_9409,
    FICLONERANGE = 0x4020_940D,
    FS_IOC_GETFLAGS = 0x8008_6601,
    FS_IOC_SETFLAGS = 0x4008_6602,
}

/// <summary>What the master of a pseudo-terminal is told in packet mode (TIOCPKT in ioctl_tty(2)).</summary>
[Flags]
public enum PacketStatus : byte
{
    TIOCPKT_DATA = 0,
    TIOCPKT_FLUSHREAD = 0x1,
    TIOCPKT_FLUSHWRITE = 0x2,
    TIOCPKT_STOP = 0x4,
    TIOCPKT_START = 0x8,
    TIOCPKT_NOSTOP = 0x10,
    TIOCPKT_DOSTOP = 0x20,
    TIOCPKT_IOCTL = 0x40,
}

/// <summary>Input modes of a terminal (termios(3)).</summary>
[Flags]
public enum TermiosInput : uint
{
    None = 0,
    IGNBRK = 0x1,
    BRKINT = 0x2,
    IGNPAR = 0x4,
    PARMRK = 0x8,
    INPCK = 0x10,
    ISTRIP = 0x20,
    INLCR = 0x40,
    IGNCR = 0x80,
    ICRNL = 0x100,
    IUCLC = 0x200,
    IXON = 0x400,
    IXANY = 0x800,
    IXOFF = 0x1000,
    IMAXBEL = 0x2000,
    IUTF8 = 0x4000,
}

/// <summary>Output modes of a terminal (termios(3)).</summary>
[Flags]
public enum TermiosOutput : uint
{
    None = 0,
    OPOST = 0x1,
    OLCUC = 0x2,
    ONLCR = 0x4,
    OCRNL = 0x8,
    ONOCR = 0x10,
    ONLRET = 0x20,
    OFILL = 0x40,
    OFDEL = 0x80,
    TABDLY = 0x1800,
}

/// <summary>Control modes of a terminal (termios(3)).</summary>
[Flags]
public enum TermiosControl : uint
{
    B0 = 0,
    [FieldMask]
    CBAUD = 0x100F,
    B9600 = 0xD,
    B38400 = 0xF,
    B57600 = 0x1001,
    B115200 = 0x1002,
    [FieldMask]
    CSIZE = 0x30,
    CS6 = 0x10,
    CS7 = 0x20,
    CS8 = 0x30,
    CSTOPB = 0x40,
    CREAD = 0x80,
    PARENB = 0x100,
    PARODD = 0x200,
    HUPCL = 0x400,
    CLOCAL = 0x800,
    CRTSCTS = 0x8000_0000,
}

/// <summary>Local modes of a terminal (termios(3)).</summary>
[Flags]
public enum TermiosLocal : uint
{
    None = 0,
    ISIG = 0x1,
    ICANON = 0x2,
    XCASE = 0x4,
    ECHO = 0x8,
    ECHOE = 0x10,
    ECHOK = 0x20,
    ECHONL = 0x40,
    NOFLSH = 0x80,
    TOSTOP = 0x100,
    ECHOCTL = 0x200,
    ECHOPRT = 0x400,
    ECHOKE = 0x800,
    FLUSHO = 0x1000,
    PENDIN = 0x4000,
    IEXTEN = 0x8000,
    EXTPROC = 0x1_0000,
}

/// <summary>Indices into <see cref="Termios.c_cc"/> (termios(3)).</summary>
public static class ControlCharacter
{
    public const int VINTR = 0;
    public const int VQUIT = 1;
    public const int VERASE = 2;
    public const int VKILL = 3;
    public const int VEOF = 4;
    public const int VTIME = 5;
    public const int VMIN = 6;
    public const int VSWTC = 7;
    public const int VSTART = 8;
    public const int VSTOP = 9;
    public const int VSUSP = 10;
    public const int VEOL = 11;
    public const int VREPRINT = 12;
    public const int VDISCARD = 13;
    public const int VWERASE = 14;
    public const int VLNEXT = 15;
    public const int VEOL2 = 16;
}

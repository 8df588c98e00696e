using Semitone.Metal.Cpu;

namespace Semitone.Metal.Devices;

/// <summary>The MC146818 clock chip: the date, to the second.</summary>
internal static class RealTimeClock
{
    private const ushort IndexPort = 0x70;
    private const ushort DataPort = 0x71;

    /// <summary>What a port reads as that nothing listens to.</summary>
    private const byte NoDevice = 0xFF;

    /// <summary>Seconds since 1970-01-01 UTC; 0 when there is no clock that makes sense.</summary>
    internal static long ReadSeconds()
    {
        for (int attempts = 0; attempts < 100_000; attempts++)
        {
            byte status = Read(0x0A);
            if (status == NoDevice)
            {
                return 0;
            }

            if ((status & 0x80) != 0)
            {
                continue; // it is being updated
            }

            int second = Read(0x00);
            int minute = Read(0x02);
            int hour = Read(0x04);
            int day = Read(0x07);
            int month = Read(0x08);
            int year = Read(0x09);
            int century = Read(0x32);
            int format = Read(0x0B);
            if (second != Read(0x00))
            {
                continue; // an update came in between
            }

            bool isAfternoon = (hour & 0x80) != 0;
            hour &= 0x7F;
            if ((format & 4) == 0)
            {
                second = FromBcd(second);
                minute = FromBcd(minute);
                hour = FromBcd(hour);
                day = FromBcd(day);
                month = FromBcd(month);
                year = FromBcd(year);
                century = FromBcd(century);
            }

            if ((format & 2) == 0)
            {
                hour = hour % 12 + (isAfternoon ? 12 : 0);
            }

            year += century is 19 or 20 or 21 ? century * 100 : 2000;
            if (month is < 1 or > 12 || day is < 1 or > 31 || hour > 23 || minute > 59 || second > 60)
            {
                return 0;
            }

            return ((DaysSinceEpoch(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
        }

        return 0;
    }

    private static int FromBcd(int value) => (value >> 4) * 10 + (value & 15);

    /// <summary>Days from 1970-01-01 in the Gregorian calendar: years are counted from March so that leap days come last.</summary>
    private static long DaysSinceEpoch(int year, int month, int day)
    {
        int y = month <= 2 ? year - 1 : year;
        int m = month <= 2 ? month + 9 : month - 3;
        long days = 365L * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1;
        return days - 719468;
    }

    private static byte Read(byte register)
    {
        Instructions.Out8(IndexPort, register);
        return Instructions.In8(DataPort);
    }
}

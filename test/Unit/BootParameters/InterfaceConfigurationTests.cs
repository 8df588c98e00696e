using System.Text;
using Semitone.BootParameters;

namespace Semitone.Unit.BootParameters;

public sealed class InterfaceConfigurationTests
{
    [Theory]
    [InlineData("10.0.2.15", 0x0A00_020F, 32, 0, 0, "", "")]
    [InlineData("10.0.2.15/24:10.0.2.2:10.0.2.3", 0x0A00_020F, 24, 0x0A00_0202, 1, "", "")]
    [InlineData("172.44.0.2/24:172.44.0.1:8.8.8.8:8.8.4.4:web:unikraft.io", 0xAC2C_0002, 24, 0xAC2C_0001, 2, "web", "unikraft.io")]
    [InlineData("1.2.3.4/8::::host", 0x0102_0304, 8, 0, 0, "host", "")]
    public void TryParse_GoodValues(string text, uint address, int prefix, uint gateway, int servers, string name, string domain)
    {
        Assert.True(InterfaceConfiguration.TryParse(Encoding.UTF8.GetBytes(text), out InterfaceConfiguration? parsed));
        Assert.Equal((address, prefix, gateway, servers), (parsed.Address, parsed.PrefixLength, parsed.Gateway, parsed.NameServers.Length));
        Assert.Equal((name, domain), (Encoding.UTF8.GetString(parsed.HostName), Encoding.UTF8.GetString(parsed.Domain)));
    }

    [Theory]
    [InlineData("")]
    [InlineData(":")]
    [InlineData("/24")]
    [InlineData("10.0.2.15/")]
    [InlineData("10.0.2.15/33")]
    [InlineData("10.0.2.15/-1")]
    [InlineData("10.0.2")]
    [InlineData("10.0.2.15.1")]
    [InlineData("10.0.2.256")]
    [InlineData("10.0.2.015")]
    [InlineData("10.0.2.+5")]
    [InlineData("10.0.2. 5")]
    [InlineData("0.0.0.0/0")]
    [InlineData("10.0.2.15/24:gateway")]
    [InlineData("10.0.2.15/24:10.0.2.2:x")]
    [InlineData("10.0.2.15/24:10.0.2.2:::h:d:more")]
    public void TryParse_BadValues(string text) =>
        Assert.False(InterfaceConfiguration.TryParse(Encoding.UTF8.GetBytes(text), out _));

    [Theory]
    [InlineData("255.255.255.0", 24)]
    [InlineData("0.0.0.0", 0)]
    [InlineData("255.255.255.255", 32)]
    [InlineData("255.0.255.0", -1)]
    [InlineData("0.255.255.255", -1)]
    public void TryParseMask_CountsOnes(string text, int expected)
    {
        bool isGood = InterfaceConfiguration.TryParseMask(Encoding.UTF8.GetBytes(text), out int prefix);
        Assert.Equal(expected, isGood ? prefix : -1);
    }
}

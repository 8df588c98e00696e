using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Machines;

/// <summary>
/// Text of the host (see <see cref="HostText"/>) in JSON: a string, or where it is no Unicode an object that has its bytes in base64.
/// </summary>
internal sealed class HostTextConverter : JsonConverter<string>
{
    private const string BytesProperty = "base64";

    public override string Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.String)
        {
            return reader.GetString()!;
        }

        using JsonDocument document = JsonDocument.ParseValue(ref reader);
        return document.RootElement.ValueKind == JsonValueKind.Object
            && document.RootElement.TryGetProperty(BytesProperty, out JsonElement bytes)
            && bytes.TryGetBytesFromBase64(out byte[]? content)
            ? HostText.FromBytes(content)
            : throw new JsonException("neither a string nor bytes");
    }

    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options)
    {
        byte[] bytes = HostText.ToBytes(value);
        if (System.Text.Unicode.Utf8.IsValid(bytes))
        {
            writer.WriteStringValue(Encoding.UTF8.GetString(bytes));
            return;
        }

        writer.WriteStartObject();
        writer.WriteBase64String(BytesProperty, bytes);
        writer.WriteEndObject();
    }
}

using System.Buffers.Binary;
using Semitone.Abi;

namespace Semitone.Guest;

/// <summary>
/// Makes streams of instructions: random bytes, and pieces that are known to touch what the kernel relies on, with any prefixes and
/// operands.
/// </summary>
internal static class InstructionGrammar
{
    private const ulong Code = 0x40_0000;
    private const ulong Data = 0x60_0000;

    /// <summary>Opcodes without operands of their own, or whose ModRM byte is part of them.</summary>
    private static readonly byte[][] s_plain =
    [
        .. ((string[])
        [
            // Ring 0's own: HLT, CLI, STI, CLTS, INVD, WBINVD, WRMSR, RDMSR, RDPMC, SYSRET, SYSEXIT, SYSENTER, SWAPGS, XSETBV, VMX, SVM,
            // MONITOR, CLAC, STAC, control and debug registers.
            "F4", "FA", "FB", "0F06", "0F08", "0F09", "0F30", "0F32", "0F33", "0F07", "480F07", "0F35", "480F35", "0F34", "0F01F8",
            "0F01D1", "0F01D0", "0F01C1", "0F01C2", "0F01C3", "0F01C4",
            "0F01D8", "0F01D9", "0F01DA", "0F01DB", "0F01DC", "0F01DD", "0F01DE", "0F01DF", "0F01C8", "0F01C9", "0F01CA", "0F01CB",
            "0F01EE", "0F01EF", "0F01F9", "0F01FA", "0F01FB", "0F01FC",
            "0F20C0", "0F20D0", "0F20D8", "0F20E0", "440F20C0", "0F22C0", "0F22D0", "0F22D8", "0F22E0", "440F22C0", "0F21C0", "0F21F0",
            "0F21F8", "0F23C0", "0F23F0", "0F23F8",
            "EC", "ED", "EE", "EF", "6C", "6D", "6E", "6F", "0FAA", "0F37", "0FA2", "0F31", "0FC7F0", "0FC7F8", "F30FC7F8", "0F0B",
            "0FFF", "0FB9",

            // Ways into ring 0 and back.
            "0F05", "0F05", "CC", "CE", "CF", "48CF", "66CF", "CB", "48CB", "66CB", "F1",

            // Flags and segments.
            "9C", "9D", "669D", "FC", "FD", "9E", "9F", "F8", "F9", "0FA0", "0FA1", "0FA8", "0FA9", "06", "07", "0E", "16", "17", "1E",
            "1F", "27", "2F", "37", "3F", "60", "61", "D6",

            // x87, SSE and AVX state.
            "DBE3", "9B", "D9E8", "D9EE", "DEF9", "DAE9", "D9F6", "0F77", "0FEFC0", "660FEFC0", "C5F877", "C5FC77", "C5FD6FC1",
            "62F17D486FC1", "62F1FD486FC1", "62F17C4828C1", "C5F892C8", "C4E1FB92C8",
            "C5F841C9", "62F27D487CC0", "C4E27878C0", "660F6EC0", "66480F6ED8", "F30F51C1", "0F5EC1", "660FF4C1",

            // Strings.
            "A4", "48A5", "AA", "48AB", "AC", "AE", "A6", "F3A4", "F348A5", "F3AA", "F2AE", "F3A6", "90", "F390", "C9", "C3", "50", "58",
            "54", "5C",
        ]).Select(Convert.FromHexString),
    ];

    /// <summary>Opcodes that a ModRM byte follows.</summary>
    private static readonly byte[][] s_withOperand =
    [
        .. ((string[])
        [
            // SGDT to INVLPG, SLDT to VERW, LAR, LSL; segment registers; far calls and jumps; LSS, LFS, LGS, LDS, LES.
            "0F01", "0F01", "0F00", "0F00", "0F02", "0F03", "8E", "8E", "8E", "8C", "FF", "48FF", "0FB2", "0FB4", "0FB5", "C4", "C5",
            "480FB2", "480FB4", "480FB5", "62", "63",

            // FXSAVE to SFENCE with and without REX.W and F3: WRFSBASE and WRGSBASE, LDMXCSR, XSAVE, XRSTOR, CLFLUSH; XSAVEC, XSAVES,
            // CMPXCHG16B; control words of the x87 unit.
            "0FAE", "480FAE", "F30FAE", "F3480FAE", "660FAE", "0FC7", "480FC7", "F0480FC7", "D9", "DB", "DD", "DF", "660FC7", "F30FC7",

            // Memory in the ways that are counted as reading, writing, both, locked, and wide.
            "8B", "89", "488B", "4889", "87", "F00FB1", "F001", "0F28", "0F29", "0F10", "0F11", "660F6F", "660F7F", "C5FC28", "C5FC29",
            "C5FE6F", "C5FE7F", "62F17C4828", "62F17C4829", "62F1FE486F", "62F1FE487F",
            "8F", "F7", "48F7", "0FA3", "0FAB", "8D", "0F18", "0F0D", "0FC3", "0FE7", "660FE7", "0F2B", "C4E27D8C", "C4E27D8E",
            "660F38F0", "0F38F8", "660F3882", "660F3880", "660F3881",
        ]).Select(Convert.FromHexString),
    ];

    private static readonly byte[] s_prefixes =
    [
        0x66, 0x67, 0xF2, 0xF3, 0xF0, 0x2E, 0x36, 0x3E, 0x26, 0x64, 0x65, 0x48, 0x40, 0x41, 0x44, 0x4F
    ];

    private static readonly ulong[] s_places =
    [
        0, 8, 0xFFF, 0x1_0000, Code, Code + 0xFF8, Data, Data + 0xFF8, Data + 0x1000, Data + 0x1FFC, Data + 0x2000, Data + 0x3000,
        0x7F7F_FFFF_FFF8, Paging.UserEnd, Paging.UserEnd - 1, 0x7F80_0008_0800,
        0x7FFF_FFFF_F000, 0x7FFF_FFFF_FFFF, 0x8000_0000_0000, 0xFFFF_7FFF_FFFF_FFFF, 0xFFFF_8000_0000_0000, 0xFFFF_8000_0010_0000,
        0xFFFF_FF00_FEE0_0000, 0xFFFF_FFFF_8010_0000, 0xFFFF_FFFF_9000_1000, ulong.MaxValue, ulong.MaxValue - 7,
        0x8000_0000_0000_0000,
    ];

    /// <summary>Fills a buffer; what it has no room for any more is left as it is.</summary>
    internal static void Write(StreamRandom random, Span<byte> code)
    {
        Span<byte> piece = stackalloc byte[32];
        int at = 0;
        for (ulong pieces = 1 + random.Below(8); pieces > 0; pieces--)
        {
            int length = WritePiece(ref random, piece);
            if (at + length > code.Length)
            {
                return;
            }

            piece[..length].CopyTo(code[at..]);
            at += length;
        }
    }

    /// <summary>
    /// Takes out, wherever an instruction may begin, what QEMU's translator has faults of its own in. Before 9.1 it pushes a far call's
    /// return address as the supervisor, wherever RSP points: into the kernel, if a program wants that. And some instructions end QEMU
    /// itself: LOCK BT, VPINSRW of 256 bits or without 66, PINSRW into an MMX register.
    /// And a jump to itself in the shadow of MOV SS lets no interrupt in for ever (7.2 does not end the shadow at a jump).
    /// </summary>
    internal static void SpareTranslator(Span<byte> code)
    {
        // What one change makes of the bytes may be such an instruction again, of which an earlier byte is the beginning.
        while (SpareOnce(code))
        {
        }
    }

    /// <returns>True when something was changed; no change makes a byte that another rule has taken out, so this comes to an end.</returns>
    private static bool SpareOnce(Span<byte> code)
    {
        const int RegisterField = 7 << 3;
        const byte LengthAndPrefix = 7; // VEX.L and VEX.pp (SDM volume 2, 2.3.5)
        const byte Prefix66 = 1;
        bool hasChanged = false;
        for (int i = 0; i + 2 < code.Length; i++)
        {
            if (code[i] == 0xFF && (code[i + 1] & RegisterField) == 3 << 3)
            {
                code[i + 1] ^= 1 << 3;
                hasChanged = true;
            }
            else if (code[i] == 0xF0 && !IsLockable(code[i..]))
            {
                code[i] = 0x3E;
                hasChanged = true;
            }
            else if (code[i] is (>= 0x70 and <= 0x7F) or (>= 0xE0 and <= 0xE3) or 0xEB && code[i + 1] is >= 0xFB and <= 0xFE)
            {
                // With up to three prefixes.
                code[i + 1] = 0;
                hasChanged = true;
            }
            else if (code[i] == 0x0F && code[i + 1] == 0xC4)
            {
                code[i + 1] = 0xC5; // PEXTRW
                hasChanged = true;
            }
            else if (code[i] == 0xC5 && code[i + 2] == 0xC4 && (code[i + 1] & LengthAndPrefix) != Prefix66)
            {
                code[i + 1] = (byte)((code[i + 1] & ~LengthAndPrefix) | Prefix66);
                hasChanged = true;
            }
            else if (code[i] == 0xC4
                && i + 3 < code.Length
                && code[i + 3] is (0xC4 or 0x20 or 0x21 or 0x22)
                && (code[i + 2] & LengthAndPrefix) != Prefix66)
            {
                code[i + 2] = (byte)((code[i + 2] & ~LengthAndPrefix) | Prefix66);
                hasChanged = true;
            }
        }

        return hasChanged;
    }

    /// <summary>LOCK before ADD, CMPXCHG or CMPXCHG16B.</summary>
    private static bool IsLockable(ReadOnlySpan<byte> code) =>
        code[1] == 0x01
            || (code[1] == 0x0F && code[2] == 0xB1)
            || (code[1] == 0x48 && code[2] == 0x0F && code.Length > 3 && code[3] == 0xC7);

    internal static ulong GetAddress(ref StreamRandom random) => random.Below(8) switch
    {
        0 => random.Next(),
        1 or 2 => s_places[random.Below((ulong)s_places.Length)] + random.Below(17) - 8,
        _ => Data + random.Below(0x1000),
    };

    internal static ulong GetUserAddress(ref StreamRandom random) =>
        random.Below(4) == 0
            ? random.Next() % Paging.UserEnd
            : random.Below(8) == 0 ? Data + random.Below(0x4000) : Data + random.Below(0x1000);

    /// <summary>What FS may have as its base.</summary>
    internal static ulong GetCanonical(ref StreamRandom random) => (ulong)((long)(GetAddress(ref random) << 16) >> 16);

    internal static ulong GetSelector(ref StreamRandom random) => random.Below(8) switch
    {
        0 => random.Next() & 0xFFFF,
        1 or 2 => random.Below(0x60),
        3 => 0x2B,
        _ => 0x33,
    };

    internal static ulong GetValue(ref StreamRandom random) => random.Below(6) switch
    {
        0 => GetSelector(ref random),
        1 => random.Next(),
        2 => random.Next() >> (int)random.Below(64),
        3 => 1UL << (int)random.Below(64),
        4 => 0xC000_0080 + random.Below(0x10), // model-specific registers
        _ => random.Below(16),
    };

    private static int WritePiece(ref StreamRandom random, Span<byte> piece)
    {
        int length = 0;
        for (ulong prefixes = random.Below(3) == 0 ? random.Below(4) : 0; prefixes > 0; prefixes--)
        {
            piece[length++] = s_prefixes[random.Below((ulong)s_prefixes.Length)];
        }

        switch (random.Below(10))
        {
            case 0:
                return length + WriteRandom(ref random, piece[length..], 1 + (int)random.Below(15));
            case 1: // INT n
                piece[length++] = 0xCD;
                piece[length++] = (byte)random.Next();
                return length;
            case 2: // MOV r64, imm64
                piece[length++] = 0x48;
                piece[length++] = (byte)(0xB8 + random.Below(8));
                ulong value = random.Below(3) == 0 ? GetAddress(ref random) : GetValue(ref random);
                if (piece[length - 1] == 0xBC)
                {
                    value = GetUserAddress(ref random); // RSP
                }

                BinaryPrimitives.WriteUInt64LittleEndian(piece[length..], value);
                return length + sizeof(ulong);
            case 3: // PUSH imm32; POPF: any flags
                piece[length++] = 0x68;
                BinaryPrimitives.WriteUInt32LittleEndian(
                    piece[length..], random.Below(2) == 0 ? 1U << (int)random.Below(32) : (uint)random.Next());
                piece[length + 4] = 0x9D;
                return length + 5;
            case 4: // MOV SS, r12d, whose shadow is on what comes next
                ReadOnlySpan<byte> load = random.Below(2) == 0 ? [0x41, 0x8E, 0xD4] : [0x6A, 0x2B, 0x8E, 0x14, 0x24];
                load.CopyTo(piece[length..]);
                return length + load.Length;
            case 5 or 6 or 7:
                byte[] opcode = s_withOperand[random.Below((ulong)s_withOperand.Length)];
                opcode.CopyTo(piece[length..]);
                length += opcode.Length;
                return length + WriteRandom(ref random, piece[length..], 1 + (int)random.Below(6));
            default:
                byte[] plain = s_plain[random.Below((ulong)s_plain.Length)];
                plain.CopyTo(piece[length..]);
                return length + plain.Length;
        }
    }

    private static int WriteRandom(ref StreamRandom random, Span<byte> target, int count)
    {
        count = Math.Min(count, target.Length);
        for (int i = 0; i < count; i++)
        {
            target[i] = (byte)random.Next();
        }

        return count;
    }
}

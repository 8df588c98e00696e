// The well-known types that the C# and IL compilers look for. They are names and layouts only: no garbage collector,
// no type loader and no exceptions stand behind them, so Metal uses values, statics and pointers.
namespace System
{
    public class Object
    {
        // SAFETY: never read or written here; the compiler lays it out.
#pragma warning disable CS0649 // The compiler reads and writes the method table pointer.
        private unsafe void* _methodTable;
#pragma warning restore CS0649
    }

    public struct Void
    {
    }

    public struct Boolean
    {
    }

    public struct Char
    {
    }

    public struct SByte
    {
    }

    public struct Byte
    {
    }

    public struct Int16
    {
    }

    public struct UInt16
    {
    }

    public struct Int32
    {
    }

    public struct UInt32
    {
        public const uint MaxValue = 0xFFFF_FFFF;
    }

    public struct Int64
    {
        public const long MaxValue = 0x7FFF_FFFF_FFFF_FFFF;
    }

    public struct UInt64
    {
        public const ulong MaxValue = 0xFFFF_FFFF_FFFF_FFFF;
    }

    public struct Single
    {
    }

    public struct Double
    {
    }

    public struct IntPtr
    {
    }

    public struct UIntPtr
    {
    }

    public abstract class ValueType
    {
    }

    public abstract class Enum : ValueType
    {
    }

    public struct Nullable<T>
        where T : struct
    {
    }

    public abstract class Array
    {
        private readonly int _length;
    }

    public class Array<T> : Array
    {
    }

    public sealed class String
    {
        public readonly int Length;
        private char _firstChar;

        public unsafe char this[int index]
        {
            get
            {
                // SAFETY: callers stay below Length; the characters follow the first one in the object.
                fixed (char* first = &_firstChar)
                {
                    return first[index];
                }
            }
        }
    }

    public abstract class Delegate
    {
    }

    public abstract class MulticastDelegate : Delegate
    {
    }

    public struct RuntimeTypeHandle
    {
    }

    public struct RuntimeMethodHandle
    {
    }

    public struct RuntimeFieldHandle
    {
    }

    public class Attribute
    {
    }

    public enum AttributeTargets
    {
        All = 0x7FFF,
    }

    public sealed class AttributeUsageAttribute : Attribute
    {
        public AttributeUsageAttribute(AttributeTargets validOn)
        {
        }

        public bool AllowMultiple { get; set; }

        public bool Inherited { get; set; }
    }

    public sealed class FlagsAttribute : Attribute
    {
    }

    public sealed class ParamArrayAttribute : Attribute
    {
    }
}

namespace System.Reflection
{
    public sealed class DefaultMemberAttribute : Attribute
    {
        public DefaultMemberAttribute(string memberName)
        {
        }
    }
}

namespace System.Runtime
{
    /// <summary>Binds a method without a body to a symbol that the assembly files define.</summary>
    internal sealed class RuntimeImportAttribute : Attribute
    {
        public RuntimeImportAttribute(string entry)
        {
        }
    }

    /// <summary>Gives a method the symbol by which the assembly files call it.</summary>
    internal sealed class RuntimeExportAttribute : Attribute
    {
        public RuntimeExportAttribute(string entry)
        {
        }
    }
}

namespace System.Runtime.InteropServices
{
    public enum LayoutKind
    {
        Sequential = 0,
        Explicit = 2,
        Auto = 3,
    }

    public sealed class StructLayoutAttribute : Attribute
    {
        public int Pack;
        public int Size;

        public StructLayoutAttribute(LayoutKind layoutKind)
        {
        }
    }

    public sealed class FieldOffsetAttribute : Attribute
    {
        public FieldOffsetAttribute(int offset)
        {
        }
    }
}

namespace System.Runtime.CompilerServices
{
    public class RuntimeHelpers
    {
    }

    public static class RuntimeFeature
    {
        public const string UnmanagedSignatureCallingConvention = nameof(UnmanagedSignatureCallingConvention);
    }

    public enum MethodImplOptions
    {
        NoInlining = 8,
        AggressiveInlining = 0x100,
        InternalCall = 0x1000,
    }

    public sealed class MethodImplAttribute : Attribute
    {
        public MethodImplAttribute(MethodImplOptions methodImplOptions)
        {
        }
    }

    public sealed class FixedBufferAttribute : Attribute
    {
        public FixedBufferAttribute(Type elementType, int length)
        {
        }
    }

    public sealed class UnsafeValueTypeAttribute : Attribute
    {
    }

    public sealed class CompilerGeneratedAttribute : Attribute
    {
    }

    public sealed class IsVolatile
    {
    }

    public sealed class IsUnmanagedAttribute : Attribute
    {
    }

}

namespace System
{
    public abstract class Type
    {
    }
}

namespace Internal.Runtime.CompilerHelpers
{
    /// <summary>What compiled code calls at a point that cannot be reached by correct code. There is nothing to unwind to.</summary>
    internal static class ThrowHelpers
    {
        private static void ThrowOverflowException() => Semitone.Metal.Panic.Die("overflow in Metal");

        private static void ThrowDivideByZeroException() => Semitone.Metal.Panic.Die("division by zero in Metal");

        private static void ThrowNullReferenceException() => Semitone.Metal.Panic.Die("null reference in Metal");

        private static void ThrowIndexOutOfRangeException() => Semitone.Metal.Panic.Die("index out of range in Metal");

        private static void ThrowInvalidProgramException() => Semitone.Metal.Panic.Die("invalid program in Metal");

        private static void ThrowInvalidProgramExceptionWithArgument() => Semitone.Metal.Panic.Die("invalid program in Metal");

        private static void ThrowTypeLoadException() => Semitone.Metal.Panic.Die("type load in Metal");
    }

    internal static class StartupCodeHelpers
    {
    }
}

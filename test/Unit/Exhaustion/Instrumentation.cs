using Mono.Cecil;
using Mono.Cecil.Cil;
using Mono.Cecil.Rocks;
using Semitone.Core;
using Semitone.Fakes;

namespace Semitone.Unit.Exhaustion;

/// <summary>Rewrites an assembly of the kernel so that it calls <see cref="AllocationFault"/> before everything that allocates.</summary>
/// <remarks>
/// What allocates in the kernel's own code is seen in its instructions: NEWOBJ of a reference type, NEWARR and BOX. What the base
/// class library allocates on the kernel's behalf is known by name. Static constructors are left alone: they run once, whoever comes first.
/// </remarks>
internal sealed class Instrumentation : IDisposable
{
    private readonly DefaultAssemblyResolver _resolver = new();

    public Instrumentation()
    {
        _resolver.AddSearchDirectory(AppContext.BaseDirectory);
        _resolver.AddSearchDirectory(Path.GetDirectoryName(typeof(object).Assembly.Location)!);
    }

    /// <summary>Gives an assembly's bytes with the calls in it.</summary>
    public byte[] Rewrite(string path)
    {
        ReaderParameters parameters = new() { AssemblyResolver = _resolver, InMemory = true };
        using ModuleDefinition module = ModuleDefinition.ReadModule(path, parameters);
        MethodReference onAllocation = module.ImportReference(typeof(AllocationFault).GetMethod(nameof(AllocationFault.OnAllocation)));
        MethodReference onQuestion = module.ImportReference(typeof(AllocationFault).GetMethod(nameof(AllocationFault.OnQuestion)));
        foreach (MethodDefinition method in module.GetTypes().SelectMany(type => type.Methods))
        {
            if (!method.HasBody || (method.IsConstructor && method.IsStatic))
            {
                continue;
            }

            MethodBody body = method.Body;
            body.SimplifyMacros();
            ILProcessor code = body.GetILProcessor();

            // What is added to a list after room was made in it allocates nothing.
            bool reserves = body.Instructions.Any(instruction =>
                instruction.Operand is MethodReference { Name: nameof(KernelHeap.TryReserve), DeclaringType.Name: nameof(KernelHeap) });
            foreach (Instruction instruction in body.Instructions.ToArray())
            {
                if (Allocates(instruction) && !(reserves && instruction.Operand is MethodReference { Name: "Add" }))
                {
                    PutBefore(code, instruction, onAllocation);
                }
            }

            if (method.DeclaringType.Name == nameof(KernelHeap) && method.Name == nameof(KernelHeap.HasRoom))
            {
                Instruction first = body.Instructions[0];
                code.InsertBefore(first, code.Create(OpCodes.Call, onQuestion));
                code.InsertBefore(first, code.Create(OpCodes.Brfalse, first));
                code.InsertBefore(first, code.Create(OpCodes.Ldc_I4, 0));
                code.InsertBefore(first, code.Create(OpCodes.Ret));
            }

            body.OptimizeMacros();
        }

        using MemoryStream stream = new();
        module.Write(stream);
        return stream.ToArray();
    }

    public void Dispose() => _resolver.Dispose();

    private static bool Allocates(Instruction instruction) => instruction.OpCode.Code switch
    {
        Code.Newarr => true,
        Code.Box => !((TypeReference)instruction.Operand is GenericParameter { HasReferenceTypeConstraint: true }),
        Code.Newobj => ((MethodReference)instruction.Operand).DeclaringType is { } type && IsReferenceType(type) && !IsStateMachine(type),
        Code.Call or Code.Callvirt => LibraryAllocates((MethodReference)instruction.Operand),
        _ => false,
    };

    private static bool IsReferenceType(TypeReference type) => !type.IsValueType && type.Resolve() is not { IsValueType: true };

    /// <summary>Whether a type is what an asynchronous method becomes: a class in debug builds, a struct in the kernel.</summary>
    private static bool IsStateMachine(TypeReference type) =>
        type.Resolve()?.Interfaces.Any(contract => contract.InterfaceType.Name == "IAsyncStateMachine") == true;

    /// <summary>Whether a method of the base class library allocates: those that the kernel uses.</summary>
    private static bool LibraryAllocates(MethodReference method)
    {
        string type = method.DeclaringType.GetElementType().FullName;
        string name = method.Name;
        return type switch
        {
            "System.Array" => name is "Resize" or "Clone",
            "System.String" => name is "Concat" or "Format" or "Substring" or "Join" or "Replace" or "Trim" or "Split",
            "System.Text.StringBuilder" => true,
            "System.Text.Encoding" => name is "GetString" or "GetBytes" && method.ReturnType.MetadataType != MetadataType.Int32,
            "System.Collections.Generic.List`1" or "System.Collections.Generic.Dictionary`2" or "System.Collections.Generic.HashSet`1"
                or "System.Collections.Generic.Queue`1" or "System.Collections.Generic.Stack`1" =>
                name is "Add" or "Insert" or "AddRange" or "set_Capacity" or "EnsureCapacity" or "Enqueue" or "Push" or "TryAdd"
                    or "set_Item",
            "System.Runtime.CompilerServices.AsyncValueTaskMethodBuilder" or "System.Runtime.CompilerServices.AsyncValueTaskMethodBuilder`1"
                or "System.Runtime.CompilerServices.AsyncTaskMethodBuilder" =>
                name is "AwaitUnsafeOnCompleted" or "AwaitOnCompleted",
            "System.Runtime.CompilerServices.DefaultInterpolatedStringHandler" => name is "ToStringAndClear",
            _ => type.StartsWith("System.", StringComparison.Ordinal) && name is "ToArray" or "ToList",
        };
    }

    /// <summary>Puts a call in front of an instruction and its prefixes: jumps to them come to the call.</summary>
    private static void PutBefore(ILProcessor code, Instruction instruction, MethodReference hook)
    {
        Instruction first = instruction;
        while (first.Previous is { OpCode.OpCodeType: OpCodeType.Prefix } prefix)
        {
            first = prefix;
        }

        Instruction moved = code.Create(OpCodes.Nop);
        moved.OpCode = first.OpCode;
        moved.Operand = first.Operand;
        first.OpCode = OpCodes.Call;
        first.Operand = hook;
        code.InsertAfter(first, moved);
    }
}

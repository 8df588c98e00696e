using System.Collections.Generic;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace Semitone.Analyzers;

/// <summary>Tells what an operation allocates or throws by itself, and what it calls.</summary>
internal static class AllocationFinder
{
    /// <summary>Says what an operation allocates or that it throws; null when it does neither.</summary>
    public static string? Describe(IOperation operation)
    {
        switch (operation)
        {
            case IThrowOperation:
                return "This throws";
            case IObjectCreationOperation { Type.IsReferenceType: true }:
            case ITypeParameterObjectCreationOperation:
            case IAnonymousObjectCreationOperation:
                return $"A new {operation.Type?.Name} is an allocation";
            case IArrayCreationOperation array when !IsEmptyParams(array):
                return "A new array is an allocation";
            case ICollectionExpressionOperation { Type: { } type } when !IsSpan(type):
                return "A collection is an allocation";
            case IDelegateCreationOperation:
                return "A delegate is an allocation";
            case IInterpolatedStringOperation { Type.SpecialType: SpecialType.System_String, ConstantValue.HasValue: false }:
                return "A text that is put together is an allocation";
            case IBinaryOperation { OperatorKind: BinaryOperatorKind.Add, Type.SpecialType: SpecialType.System_String } sum
                when !sum.ConstantValue.HasValue:
                return "A text that is put together is an allocation";
            case ICompoundAssignmentOperation { OperatorKind: BinaryOperatorKind.Add, Type.SpecialType: SpecialType.System_String }:
                return "A text that is put together is an allocation";
            case IConversionOperation { OperatorMethod: null } conversion when conversion.GetConversion().IsBoxing:
                return $"{conversion.Operand.Type?.Name} is boxed, which is an allocation";
            case IWithOperation { Type.IsReferenceType: true }:
                return "A copy of a record is an allocation";
            case IAwaitOperation:
                return "What waits may allocate";
            case IReturnOperation { Kind: OperationKind.YieldReturn }:
                return "An iterator is an allocation";
            case IForEachLoopOperation loop
                when GetEnumerator(loop) is { ReturnType.IsReferenceType: true } enumerator && !IsArrayOrSpan(loop):
                return $"The enumerator that {enumerator.ContainingType.Name} gives is an allocation";
            default:
                return null;
        }
    }

    /// <summary>Gets the methods that an operation calls.</summary>
    public static IEnumerable<IMethodSymbol> GetCallees(IOperation operation)
    {
        switch (operation)
        {
            case IInvocationOperation call:
                yield return call.TargetMethod;
                break;
            case IObjectCreationOperation { Constructor: { } constructor }:
                yield return constructor;
                break;
            case IPropertyReferenceOperation reference:
                if (IsWritten(reference) && reference.Property.SetMethod is { } setter)
                {
                    yield return setter;
                }

                if (IsRead(reference) && reference.Property.GetMethod is { } getter && !reference.Property.ContainingType.IsAnonymousType)
                {
                    yield return getter;
                }

                break;
            case IBinaryOperation { OperatorMethod: { } method }:
                yield return method;
                break;
            case IUnaryOperation { OperatorMethod: { } method }:
                yield return method;
                break;
            case ICompoundAssignmentOperation { OperatorMethod: { } method }:
                yield return method;
                break;
            case IIncrementOrDecrementOperation { OperatorMethod: { } method }:
                yield return method;
                break;
            case IConversionOperation { OperatorMethod: { } method }:
                yield return method;
                break;
            case IForEachLoopOperation loop when !IsArrayOrSpan(loop) && GetEnumerator(loop) is { } enumerator:
                yield return enumerator;
                break;
        }
    }

    private static bool IsEmptyParams(IArrayCreationOperation array) =>
        array.IsImplicit && array.Initializer is { ElementValues.IsEmpty: true };

    private static bool IsSpan(ITypeSymbol type) => type.Name is "Span" or "ReadOnlySpan" && type.ContainingNamespace.Name == "System";

    private static IMethodSymbol? GetEnumerator(IForEachLoopOperation loop) =>
        loop.Syntax is CommonForEachStatementSyntax syntax && loop.SemanticModel is { } model
            ? model.GetForEachStatementInfo(syntax).GetEnumeratorMethod
            : null;

    private static bool IsArrayOrSpan(IForEachLoopOperation loop)
    {
        IOperation collection = loop.Collection;
        while (collection is IConversionOperation { IsImplicit: true } conversion)
        {
            collection = conversion.Operand;
        }

        return collection.Type is IArrayTypeSymbol || (collection.Type is { } type && IsSpan(type));
    }

    private static bool IsWritten(IOperation reference) => reference.Parent switch
    {
        ISimpleAssignmentOperation assignment => assignment.Target == reference,
        ICompoundAssignmentOperation assignment => assignment.Target == reference,
        ICoalesceAssignmentOperation assignment => assignment.Target == reference,
        IIncrementOrDecrementOperation => true,
        _ => false,
    };

    private static bool IsRead(IOperation reference) =>
        reference.Parent is not ISimpleAssignmentOperation assignment || assignment.Target != reference;
}

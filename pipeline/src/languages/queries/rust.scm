; Rust. Macro bodies are token trees, so calls inside of `println!(...)` stay unseen.

; Definitions

(struct_item name: (type_identifier) @name) @definition.struct
(enum_item name: (type_identifier) @name) @definition.enum
(enum_variant name: (identifier) @name) @definition.constant
(union_item name: (type_identifier) @name) @definition.union
(trait_item name: (type_identifier) @name) @definition.trait
(type_item name: (type_identifier) @name) @definition.type
(associated_type name: (type_identifier) @name) @definition.type
(mod_item name: (identifier) @name) @definition.module
(macro_definition name: (identifier) @name) @definition.macro
(const_item name: (identifier) @name) @definition.constant
(static_item name: (identifier) @name) @definition.variable

; One node kind serves functions and methods: the place tells them apart.
(source_file (function_item name: (identifier) @name) @definition.function)
(mod_item body: (declaration_list (function_item name: (identifier) @name) @definition.function))
(function_item body: (block (function_item name: (identifier) @name) @definition.function))
(const_item value: (block (function_item name: (identifier) @name) @definition.function))
(ERROR (function_item name: (identifier) @name) @definition.function)
(foreign_mod_item
  body: (declaration_list (function_signature_item name: (identifier) @name) @definition.function))
(impl_item body: (declaration_list (function_item name: (identifier) @name) @definition.method))
(trait_item
  body: (declaration_list
    [
      (function_item name: (identifier) @name)
      (function_signature_item name: (identifier) @name)
    ] @definition.method))

; Calls

(call_expression
  function: [
    (identifier) @name
    (field_expression field: (field_identifier) @name)
    (scoped_identifier name: (identifier) @name)
    (generic_function
      function: [
        (identifier) @name
        (field_expression field: (field_identifier) @name)
        (scoped_identifier name: (identifier) @name)
      ])
  ]) @reference.call
(macro_invocation
  macro: [(identifier) @name (scoped_identifier name: (identifier) @name)]) @reference.call

; Implemented traits

(impl_item
  trait: [
    (type_identifier) @name
    (scoped_type_identifier name: (type_identifier) @name)
    (generic_type
      type: [(type_identifier) @name (scoped_type_identifier name: (type_identifier) @name)])
  ]) @reference.implementation

; Types, where a value, a field, a bound or another type needs them

(call_expression
  function: (scoped_identifier
    path: [(identifier) @name (scoped_identifier name: (identifier) @name)] @reference.type))
(impl_item
  type: [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @reference.type
(parameter
  type: [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @reference.type
(function_item
  return_type: [(type_identifier) @name (generic_type type: (type_identifier) @name)])
  @reference.type
(function_signature_item
  return_type: [(type_identifier) @name (generic_type type: (type_identifier) @name)])
  @reference.type
(function_type
  return_type: [(type_identifier) @name (generic_type type: (type_identifier) @name)])
  @reference.type
(field_declaration
  type: [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @reference.type
(ordered_field_declaration_list
  type: [(type_identifier) @name (generic_type type: (type_identifier) @name)] @reference.type)
(let_declaration
  type: [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @reference.type
(const_item
  type: [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @reference.type
(static_item
  type: [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @reference.type
(type_item
  type: [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @reference.type
(type_binding
  type: [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @reference.type
(type_cast_expression type: (type_identifier) @name) @reference.type
(struct_expression name: (type_identifier) @name) @reference.type
(struct_pattern type: (type_identifier) @name) @reference.type
(reference_type
  type: [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @reference.type
(pointer_type
  type: [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @reference.type
(array_type
  element: [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @reference.type
(dynamic_type
  trait: [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @reference.type
(abstract_type
  trait: [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @reference.type
(tuple_type
  [(type_identifier) @name (generic_type type: (type_identifier) @name)] @reference.type)
(type_arguments
  [(type_identifier) @name (generic_type type: (type_identifier) @name)] @reference.type)
(trait_bounds
  [(type_identifier) @name (generic_type type: (type_identifier) @name)] @reference.type)
(generic_type_with_turbofish type: (type_identifier) @name) @reference.type
(scoped_type_identifier name: (type_identifier) @name) @reference.type

; Imports

(use_declaration
  argument: [
    (identifier) @name
    (scoped_identifier name: (identifier) @name)
  ]) @reference.import
(use_list
  [(identifier) @name (scoped_identifier name: (identifier) @name)] @reference.import)
(use_as_clause
  path: [(identifier) @name (scoped_identifier name: (identifier) @name)]) @reference.import

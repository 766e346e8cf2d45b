; Go. A package clause names the folder of a file and no symbol, so it defines nothing.

; Definitions

(function_declaration name: (identifier) @name) @definition.function
(method_declaration name: (field_identifier) @name) @definition.method
(method_elem name: (field_identifier) @name) @definition.method
(type_spec name: (type_identifier) @name type: (struct_type)) @definition.struct
(type_spec name: (type_identifier) @name type: (interface_type)) @definition.interface
(type_spec
  name: (type_identifier) @name
  type: [
    (type_identifier) (qualified_type) (generic_type) (pointer_type) (slice_type) (array_type)
    (map_type) (channel_type) (function_type) (parenthesized_type)
  ]) @definition.type
(type_alias name: (type_identifier) @name) @definition.type
; Without the field, which the commas have too: it would end the match at the first of many names.
(source_file (const_declaration (const_spec (identifier) @name) @definition.constant))
(source_file
  (var_declaration
    [
      (var_spec (identifier) @name) @definition.variable
      (var_spec_list (var_spec (identifier) @name) @definition.variable)
    ]))

; Calls, among them those that tell their type arguments

(call_expression
  function: [
    (identifier) @name
    (selector_expression field: (field_identifier) @name)
  ]) @reference.call
(type_conversion_expression
  type: (generic_type
    type: [(type_identifier) @name (qualified_type name: (type_identifier) @name)]))
  @reference.call

; Types

(parameter_declaration
  type: [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @reference.type
(variadic_parameter_declaration
  type: [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @reference.type
(function_declaration
  result: [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @reference.type
(method_declaration
  result: [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @reference.type
(method_elem
  result: [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @reference.type
(func_literal
  result: [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @reference.type
(function_type
  result: [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @reference.type
(field_declaration
  type: [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @reference.type
(var_spec
  type: [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @reference.type
(const_spec type: (type_identifier) @name) @reference.type
(type_spec
  type: [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @reference.type
(type_alias
  type: [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @reference.type
(composite_literal
  type: [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @reference.type
(type_assertion_expression
  type: [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @reference.type
(type_case
  type: [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @reference.type
(pointer_type
  [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @reference.type
(slice_type
  element: [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @reference.type
(array_type
  element: [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @reference.type
(implicit_length_array_type element: (type_identifier) @name) @reference.type
(map_type key: (type_identifier) @name @reference.type)
(map_type
  value: [(type_identifier) @name (generic_type type: (type_identifier) @name)] @reference.type)
(channel_type
  value: [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @reference.type
(type_elem
  [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @reference.type
(type_constraint
  [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @reference.type
(negated_type (type_identifier) @name) @reference.type
(call_expression arguments: (argument_list (type_identifier) @name @reference.type))
(qualified_type name: (type_identifier) @name) @reference.type

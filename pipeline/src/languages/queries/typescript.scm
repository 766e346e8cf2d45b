; What TypeScript and TSX have beyond JavaScript.

; Definitions

(class_declaration name: (type_identifier) @name) @definition.class
(abstract_class_declaration name: (type_identifier) @name) @definition.class
(interface_declaration name: (type_identifier) @name) @definition.interface
(type_alias_declaration name: (type_identifier) @name) @definition.type
(enum_declaration name: (identifier) @name) @definition.enum
(enum_body name: (property_identifier) @name @definition.constant)
(enum_assignment name: (property_identifier) @name) @definition.constant
(internal_module name: [(identifier) (nested_identifier)] @name) @definition.module
(module name: [(identifier) (nested_identifier)] @name) @definition.module
(function_signature name: (identifier) @name) @definition.function
(method_signature
  name: [(property_identifier) (private_property_identifier)] @name) @definition.method
(abstract_method_signature
  name: [(property_identifier) (private_property_identifier)] @name) @definition.method
(public_field_definition
  name: [(property_identifier) (private_property_identifier)] @name
  value: [(arrow_function) (function_expression)]) @definition.method

; Module-level constants that are no functions.
(program
  (lexical_declaration
    kind: "const"
    (variable_declarator
      name: (identifier) @name
      value: [
        (array) (object) (string) (template_string) (number) (regex) (true) (false) (null)
        (identifier) (member_expression) (subscript_expression) (new_expression)
        (call_expression) (await_expression) (as_expression) (satisfies_expression)
        (unary_expression) (binary_expression) (ternary_expression)
      ]) @definition.constant))
(export_statement
  declaration: (lexical_declaration
    kind: "const"
    (variable_declarator
      name: (identifier) @name
      value: [
        (array) (object) (string) (template_string) (number) (regex) (true) (false) (null)
        (identifier) (member_expression) (subscript_expression) (new_expression)
        (call_expression) (await_expression) (as_expression) (satisfies_expression)
        (unary_expression) (binary_expression) (ternary_expression)
      ]) @definition.constant))
(ambient_declaration
  (lexical_declaration
    kind: "const"
    (variable_declarator name: (identifier) @name) @definition.constant))

; Base classes and interfaces

(extends_clause
  value: [
    (identifier) @name
    (member_expression property: (property_identifier) @name)
  ]) @reference.class
(extends_type_clause
  type: [
    (type_identifier) @name
    (nested_type_identifier name: (type_identifier) @name)
    (generic_type
      name: [(type_identifier) @name (nested_type_identifier name: (type_identifier) @name)])
  ] @reference.class)
(implements_clause
  [
    (type_identifier) @name
    (nested_type_identifier name: (type_identifier) @name)
    (generic_type
      name: [(type_identifier) @name (nested_type_identifier name: (type_identifier) @name)])
  ] @reference.implementation)

; Types

(type_annotation
  [(type_identifier) @name (generic_type name: (type_identifier) @name)]) @reference.type
(type_arguments
  [(type_identifier) @name (generic_type name: (type_identifier) @name)] @reference.type)
(union_type
  [(type_identifier) @name (generic_type name: (type_identifier) @name)] @reference.type)
(intersection_type
  [(type_identifier) @name (generic_type name: (type_identifier) @name)] @reference.type)
(array_type
  [(type_identifier) @name (generic_type name: (type_identifier) @name)]) @reference.type
(tuple_type
  [(type_identifier) @name (generic_type name: (type_identifier) @name)] @reference.type)
(optional_type
  [(type_identifier) @name (generic_type name: (type_identifier) @name)]) @reference.type
(rest_type
  [(type_identifier) @name (generic_type name: (type_identifier) @name)]) @reference.type
(readonly_type
  [(type_identifier) @name (generic_type name: (type_identifier) @name)]) @reference.type
(parenthesized_type
  [(type_identifier) @name (generic_type name: (type_identifier) @name)]) @reference.type
(constraint
  [(type_identifier) @name (generic_type name: (type_identifier) @name)]) @reference.type
(default_type
  [(type_identifier) @name (generic_type name: (type_identifier) @name)]) @reference.type
(type_alias_declaration
  value: [(type_identifier) @name (generic_type name: (type_identifier) @name)]) @reference.type
(function_type
  return_type: [(type_identifier) @name (generic_type name: (type_identifier) @name)])
  @reference.type
(constructor_type
  type: [(type_identifier) @name (generic_type name: (type_identifier) @name)]) @reference.type
(conditional_type
  [(type_identifier) @name (generic_type name: (type_identifier) @name)] @reference.type)
(type_predicate
  type: [(type_identifier) @name (generic_type name: (type_identifier) @name)]) @reference.type
(as_expression
  [(type_identifier) @name (generic_type name: (type_identifier) @name)]) @reference.type
(satisfies_expression
  [(type_identifier) @name (generic_type name: (type_identifier) @name)]) @reference.type
(mapped_type_clause
  type: [(type_identifier) @name (generic_type name: (type_identifier) @name)]) @reference.type
(lookup_type (type_identifier) @name) @reference.type
(index_type_query (type_identifier) @name) @reference.type
(nested_type_identifier name: (type_identifier) @name) @reference.type

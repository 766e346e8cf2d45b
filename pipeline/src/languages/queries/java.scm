; Java. A package declaration names the folder of a file and no symbol, so it defines nothing.

; Definitions

(class_declaration name: (identifier) @name) @definition.class
(record_declaration name: (identifier) @name) @definition.class
(interface_declaration name: (identifier) @name) @definition.interface
(annotation_type_declaration name: (identifier) @name) @definition.interface
(enum_declaration name: (identifier) @name) @definition.enum
(enum_constant name: (identifier) @name) @definition.constant
(constructor_declaration name: (identifier) @name) @definition.constructor
(compact_constructor_declaration name: (identifier) @name) @definition.constructor
(method_declaration name: (identifier) @name) @definition.method
(annotation_type_element_declaration name: (identifier) @name) @definition.method
(constant_declaration
  declarator: (variable_declarator name: (identifier) @name) @definition.constant)
(field_declaration
  (modifiers "static" "final")
  declarator: (variable_declarator name: (identifier) @name) @definition.constant)

; Calls

(method_invocation name: (identifier) @name) @reference.call
(object_creation_expression
  type: [
    (type_identifier) @name
    (scoped_type_identifier (type_identifier) @name .)
    (generic_type
      [(type_identifier) @name (scoped_type_identifier (type_identifier) @name .)])
  ]) @reference.call
(method_reference "::" (identifier) @name) @reference.method

; Base classes and interfaces

(superclass
  [
    (type_identifier) @name
    (scoped_type_identifier (type_identifier) @name .)
    (generic_type
      [(type_identifier) @name (scoped_type_identifier (type_identifier) @name .)])
  ]) @reference.class
(extends_interfaces
  (type_list
    [
      (type_identifier) @name
      (scoped_type_identifier (type_identifier) @name .)
      (generic_type
        [(type_identifier) @name (scoped_type_identifier (type_identifier) @name .)])
    ] @reference.class))
(super_interfaces
  (type_list
    [
      (type_identifier) @name
      (scoped_type_identifier (type_identifier) @name .)
      (generic_type
        [(type_identifier) @name (scoped_type_identifier (type_identifier) @name .)])
    ] @reference.implementation))

; Types

(local_variable_declaration
  type: [(type_identifier) @name (generic_type (type_identifier) @name)]) @reference.type
(field_declaration
  type: [(type_identifier) @name (generic_type (type_identifier) @name)]) @reference.type
(constant_declaration
  type: [(type_identifier) @name (generic_type (type_identifier) @name)]) @reference.type
(formal_parameter
  type: [(type_identifier) @name (generic_type (type_identifier) @name)]) @reference.type
(spread_parameter
  [(type_identifier) @name (generic_type (type_identifier) @name)]) @reference.type
(method_declaration
  type: [(type_identifier) @name (generic_type (type_identifier) @name)]) @reference.type
(annotation_type_element_declaration
  type: [(type_identifier) @name (generic_type (type_identifier) @name)]) @reference.type
(enhanced_for_statement
  type: [(type_identifier) @name (generic_type (type_identifier) @name)]) @reference.type
(cast_expression
  type: [(type_identifier) @name (generic_type (type_identifier) @name)]) @reference.type
(resource
  type: [(type_identifier) @name (generic_type (type_identifier) @name)]) @reference.type
(instanceof_expression
  right: [(type_identifier) @name (generic_type (type_identifier) @name)]) @reference.type
(array_creation_expression
  type: [(type_identifier) @name (generic_type (type_identifier) @name)]) @reference.type
(array_type
  element: [(type_identifier) @name (generic_type (type_identifier) @name)]) @reference.type
(type_arguments
  [(type_identifier) @name (generic_type (type_identifier) @name)] @reference.type)
(wildcard
  [(type_identifier) @name (generic_type (type_identifier) @name)]) @reference.type
(type_bound
  [(type_identifier) @name (generic_type (type_identifier) @name)] @reference.type)
(type_pattern
  [(type_identifier) @name (generic_type (type_identifier) @name)]) @reference.type
(record_pattern_component
  [(type_identifier) @name (generic_type (type_identifier) @name)]) @reference.type
(record_pattern . (identifier) @name) @reference.type
(scoped_type_identifier (type_identifier) @name .) @reference.type
(class_literal (type_identifier) @name) @reference.type
(catch_type (type_identifier) @name @reference.type)
(throws (type_identifier) @name @reference.type)
(marker_annotation name: (identifier) @name) @reference.type
(annotation name: (identifier) @name) @reference.type

; Imports

(import_declaration (scoped_identifier name: (identifier) @name)) @reference.import

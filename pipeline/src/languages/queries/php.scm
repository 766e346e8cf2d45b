; PHP. The name of a namespace is its whole path.

; Definitions

(namespace_definition name: (namespace_name) @name) @definition.module
(class_declaration name: (name) @name) @definition.class
(interface_declaration name: (name) @name) @definition.interface
(trait_declaration name: (name) @name) @definition.trait
(enum_declaration name: (name) @name) @definition.enum
(enum_case name: (name) @name) @definition.constant
(const_element (name) @name) @definition.constant
(function_definition name: (name) @name) @definition.function
(method_declaration name: (name) @name) @definition.method

; Calls

(function_call_expression
  function: [
    (name) @name
    (qualified_name (name) @name)
    (relative_name (name) @name)
  ]) @reference.call
(member_call_expression name: (name) @name) @reference.call
(nullsafe_member_call_expression name: (name) @name) @reference.call
(scoped_call_expression name: (name) @name) @reference.call
(object_creation_expression
  [
    (name) @name
    (qualified_name (name) @name)
  ]) @reference.call

; Base classes, interfaces and traits

(base_clause [(name) @name (qualified_name (name) @name)] @reference.class)
(class_interface_clause
  [(name) @name (qualified_name (name) @name)] @reference.implementation)
(use_declaration [(name) @name (qualified_name (name) @name)] @reference.implementation)

; Types

(named_type [(name) @name (qualified_name (name) @name)]) @reference.type
(scoped_call_expression
  scope: [(name) @name (qualified_name (name) @name)] @reference.type)
(scoped_property_access_expression
  scope: [(name) @name (qualified_name (name) @name)]) @reference.type
(class_constant_access_expression
  . [(name) @name (qualified_name (name) @name)]) @reference.type
(attribute [(name) @name (qualified_name (name) @name)]) @reference.type

; Imports

(namespace_use_clause . [(name) @name (qualified_name (name) @name)]) @reference.import

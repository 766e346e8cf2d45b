; C#. The name of a namespace is its whole path, as `using` writes it.

; Definitions

(namespace_declaration name: [(identifier) (qualified_name)] @name) @definition.module
(file_scoped_namespace_declaration
  name: [(identifier) (qualified_name)] @name) @definition.module
(class_declaration name: (identifier) @name) @definition.class
(record_declaration name: (identifier) @name) @definition.class
(struct_declaration name: (identifier) @name) @definition.struct
(interface_declaration name: (identifier) @name) @definition.interface
(enum_declaration name: (identifier) @name) @definition.enum
(enum_member_declaration name: (identifier) @name) @definition.constant
(delegate_declaration name: (identifier) @name) @definition.type
(constructor_declaration name: (identifier) @name) @definition.constructor
(method_declaration name: (identifier) @name) @definition.method
(local_function_statement name: (identifier) @name) @definition.function
(property_declaration name: (identifier) @name) @definition.property
(event_declaration name: (identifier) @name) @definition.property
(event_field_declaration
  (variable_declaration (variable_declarator name: (identifier) @name) @definition.property))
(field_declaration
  (modifier "const")
  (variable_declaration (variable_declarator name: (identifier) @name) @definition.constant))
(field_declaration
  (modifier "static")
  (modifier "readonly")
  (variable_declaration (variable_declarator name: (identifier) @name) @definition.constant))

; Calls

(invocation_expression
  function: [
    (identifier) @name
    (generic_name (identifier) @name)
    (member_access_expression
      name: [(identifier) @name (generic_name (identifier) @name)])
    (conditional_access_expression
      (member_binding_expression
        name: [(identifier) @name (generic_name (identifier) @name)]))
  ]) @reference.call
(object_creation_expression
  type: [
    (identifier) @name
    (generic_name (identifier) @name)
    (qualified_name name: [(identifier) @name (generic_name (identifier) @name)])
  ]) @reference.call

; Base classes and interfaces, which the tree does not tell apart

(base_list
  [
    (identifier) @name
    (generic_name (identifier) @name)
    (qualified_name name: [(identifier) @name (generic_name (identifier) @name)])
    (primary_constructor_base_type
      type: [(identifier) @name (generic_name (identifier) @name)])
  ] @reference.class)

; Types

(variable_declaration
  type: [
    (identifier) @name
    (generic_name (identifier) @name)
    (qualified_name name: [(identifier) @name (generic_name (identifier) @name)])
  ]) @reference.type
(parameter
  type: [
    (identifier) @name
    (generic_name (identifier) @name)
    (qualified_name name: [(identifier) @name (generic_name (identifier) @name)])
  ]) @reference.type
(method_declaration
  returns: [
    (identifier) @name
    (generic_name (identifier) @name)
    (qualified_name name: [(identifier) @name (generic_name (identifier) @name)])
  ]) @reference.type
(property_declaration
  type: [
    (identifier) @name
    (generic_name (identifier) @name)
    (qualified_name name: [(identifier) @name (generic_name (identifier) @name)])
  ]) @reference.type
(local_function_statement
  type: [(identifier) @name (generic_name (identifier) @name)]) @reference.type
(delegate_declaration
  type: [(identifier) @name (generic_name (identifier) @name)]) @reference.type
(indexer_declaration
  type: [(identifier) @name (generic_name (identifier) @name)]) @reference.type
(operator_declaration
  type: [(identifier) @name (generic_name (identifier) @name)]) @reference.type
(conversion_operator_declaration
  type: [(identifier) @name (generic_name (identifier) @name)]) @reference.type
(event_declaration
  type: [(identifier) @name (generic_name (identifier) @name)]) @reference.type
(nullable_type
  type: [
    (identifier) @name
    (generic_name (identifier) @name)
    (qualified_name name: [(identifier) @name (generic_name (identifier) @name)])
  ]) @reference.type
(array_type
  type: [(identifier) @name (generic_name (identifier) @name)]) @reference.type
(tuple_element
  type: [(identifier) @name (generic_name (identifier) @name)]) @reference.type
(type_argument_list
  [
    (identifier) @name
    (generic_name (identifier) @name)
    (qualified_name name: [(identifier) @name (generic_name (identifier) @name)])
  ] @reference.type)
(type_parameter_constraint
  type: [(identifier) @name (generic_name (identifier) @name)]) @reference.type
(cast_expression
  type: [(identifier) @name (generic_name (identifier) @name)]) @reference.type
(as_expression
  right: [(identifier) @name (generic_name (identifier) @name)]) @reference.type
(typeof_expression
  type: [(identifier) @name (generic_name (identifier) @name)]) @reference.type
(default_expression
  type: [(identifier) @name (generic_name (identifier) @name)]) @reference.type
(foreach_statement
  type: [(identifier) @name (generic_name (identifier) @name)]) @reference.type
(catch_declaration
  type: [
    (identifier) @name
    (qualified_name name: (identifier) @name)
  ]) @reference.type
(declaration_pattern
  type: [(identifier) @name (generic_name (identifier) @name)]) @reference.type
(recursive_pattern
  type: [(identifier) @name (generic_name (identifier) @name)]) @reference.type
(attribute name: [(identifier) @name (qualified_name name: (identifier) @name)]) @reference.type

; Imports

(using_directive !name [(identifier) (qualified_name)] @name) @reference.import

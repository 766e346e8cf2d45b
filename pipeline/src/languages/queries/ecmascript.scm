; What JavaScript, TypeScript and TSX share.

; Definitions

(function_declaration name: (identifier) @name) @definition.function
(generator_function_declaration name: (identifier) @name) @definition.function
(method_definition
  name: [(property_identifier) (private_property_identifier)] @name) @definition.method

; A function or class expression goes by its own name, else by what it is bound to.
(function_expression name: (identifier) @name) @definition.function
(generator_function name: (identifier) @name) @definition.function
(class name: (_) @name) @definition.class
(variable_declarator
  name: (identifier) @name
  value: [(arrow_function) (function_expression !name) (generator_function !name)])
  @definition.function
(variable_declarator name: (identifier) @name value: (class !name)) @definition.class
(assignment_expression
  left: [
    (identifier) @name
    (member_expression property: (property_identifier) @name)
  ]
  right: [(arrow_function) (function_expression !name)]) @definition.function
(assignment_expression
  left: [
    (identifier) @name
    (member_expression property: (property_identifier) @name)
  ]
  right: (class !name)) @definition.class
(pair
  key: (property_identifier) @name
  value: [(arrow_function) (function_expression !name)]) @definition.method

; Calls

(call_expression
  function: [
    (identifier) @name
    (member_expression
      property: [(property_identifier) (private_property_identifier)] @name)
  ]) @reference.call
(new_expression
  constructor: [
    (identifier) @name
    (member_expression property: (property_identifier) @name)
  ]) @reference.call
(decorator
  [
    (identifier) @name
    (member_expression property: (property_identifier) @name)
  ]) @reference.call

; Imports

(import_specifier name: (identifier) @name) @reference.import
(import_clause (identifier) @name @reference.import)

; What only JavaScript has.

; Definitions

(class_declaration name: (identifier) @name) @definition.class
(field_definition
  property: [(property_identifier) (private_property_identifier)] @name
  value: [(arrow_function) (function_expression)]) @definition.method

; Module-level constants that are no functions. The call of a bare name is left out: it is mostly
; `require`, and a constant of that name would hide what is imported.
(program
  (lexical_declaration
    kind: "const"
    (variable_declarator
      name: (identifier) @name
      value: [
        (array) (object) (string) (template_string) (number) (regex) (true) (false) (null)
        (identifier) (member_expression) (subscript_expression) (new_expression)
        (call_expression function: (member_expression)) (await_expression)
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
        (call_expression) (await_expression)
        (unary_expression) (binary_expression) (ternary_expression)
      ]) @definition.constant))

; Base classes

(class_heritage
  [
    (identifier) @name
    (member_expression property: (property_identifier) @name)
  ]) @reference.class

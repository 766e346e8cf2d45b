; C. A prototype defines nothing: its function is defined elsewhere, once.

; Definitions

(function_definition
  declarator: [
    (function_declarator
      declarator: [(identifier) @name (parenthesized_declarator (identifier) @name)])
    (pointer_declarator
      declarator: [
        (function_declarator
          declarator: [(identifier) @name (parenthesized_declarator (identifier) @name)])
        (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))
      ])
  ]) @definition.function
(struct_specifier name: (type_identifier) @name body: (_)) @definition.struct
(union_specifier name: (type_identifier) @name body: (_)) @definition.union
(enum_specifier name: (type_identifier) @name body: (_)) @definition.enum
(enumerator name: (identifier) @name) @definition.constant
(type_definition
  declarator: [
    (type_identifier) @name
    (pointer_declarator declarator: (type_identifier) @name)
    (array_declarator declarator: (type_identifier) @name)
    (function_declarator
      declarator: [
        (type_identifier) @name
        (parenthesized_declarator (pointer_declarator declarator: (type_identifier) @name))
      ])
  ] @definition.type)
(preproc_function_def name: (identifier) @name) @definition.macro
; Without a value it is a guard.
(preproc_def name: (identifier) @name value: (_)) @definition.constant
(translation_unit
  (declaration
    declarator: [
      (identifier) @name
      (pointer_declarator declarator: (identifier) @name)
      (array_declarator declarator: (identifier) @name)
      (init_declarator
        declarator: [
          (identifier) @name
          (pointer_declarator declarator: (identifier) @name)
          (array_declarator declarator: (identifier) @name)
          (pointer_declarator declarator: (array_declarator declarator: (identifier) @name))
        ])
    ] @definition.variable))

; Calls

(call_expression
  function: [
    (identifier) @name
    (field_expression field: (field_identifier) @name)
  ]) @reference.call

; Types

(declaration type: (type_identifier) @name) @reference.type
(parameter_declaration type: (type_identifier) @name) @reference.type
(field_declaration type: (type_identifier) @name) @reference.type
(function_definition type: (type_identifier) @name) @reference.type
(type_definition type: (type_identifier) @name) @reference.type
(type_descriptor type: (type_identifier) @name) @reference.type
(struct_specifier name: (type_identifier) @name !body) @reference.type
(union_specifier name: (type_identifier) @name !body) @reference.type
(enum_specifier name: (type_identifier) @name !body) @reference.type

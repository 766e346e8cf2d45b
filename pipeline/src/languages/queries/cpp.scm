; C++. A prototype defines nothing: its function is defined elsewhere, once. Only a pure virtual
; method has no other place.

; Definitions

(class_specifier
  name: [
    (type_identifier) @name
    (template_type name: (type_identifier) @name)
    (qualified_identifier name: (type_identifier) @name)
  ]
  body: (_)) @definition.class
(struct_specifier
  name: [
    (type_identifier) @name
    (template_type name: (type_identifier) @name)
    (qualified_identifier name: (type_identifier) @name)
  ]
  body: (_)) @definition.struct
(union_specifier name: (type_identifier) @name body: (_)) @definition.union
(enum_specifier name: (type_identifier) @name body: (_)) @definition.enum
(enumerator name: (identifier) @name) @definition.constant
(alias_declaration name: (type_identifier) @name) @definition.type
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
(concept_definition name: (identifier) @name) @definition.trait
(namespace_definition
  name: [(namespace_identifier) (nested_namespace_specifier)] @name) @definition.module
(preproc_function_def name: (identifier) @name) @definition.macro
; Without a value it is a guard.
(preproc_def name: (identifier) @name value: (_)) @definition.constant

; `class EXPORT Name {}` reads as a function that returns a class, for the grammar knows no macros.
(function_definition type: (class_specifier !body) declarator: (identifier) @name)
  @definition.class
(function_definition type: (struct_specifier !body) declarator: (identifier) @name)
  @definition.struct

; A function has a plain name and a type.
(function_definition
  type: (_)
  declarator: [
    (function_declarator
      declarator: [(identifier) @name (template_function name: (identifier) @name)])
    (pointer_declarator
      declarator: [
        (function_declarator
          declarator: [(identifier) @name (template_function name: (identifier) @name)])
        (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))
      ])
    (reference_declarator
      (function_declarator
        declarator: [(identifier) @name (template_function name: (identifier) @name)]))
  ]) @definition.function
; A plain name without a type is a constructor in a class, and elsewhere what a macro such as
; `TEST(Suite, Case)` defines.
(field_declaration_list
  (function_definition
    !type
    declarator: (function_declarator declarator: (identifier) @name)) @definition.constructor)
(template_declaration
  (function_definition
    !type
    declarator: (function_declarator declarator: (identifier) @name)) @definition.constructor)
(translation_unit
  (function_definition
    !type
    declarator: (function_declarator declarator: (identifier) @name)) @definition.function)
(declaration_list
  (function_definition
    !type
    declarator: (function_declarator declarator: (identifier) @name)) @definition.function)
(preproc_if
  (function_definition
    !type
    declarator: (function_declarator declarator: (identifier) @name)) @definition.function)
(preproc_ifdef
  (function_definition
    !type
    declarator: (function_declarator declarator: (identifier) @name)) @definition.function)

; A method has the name of a field, of an operator, or a qualified one.
(function_definition
  type: (_)
  declarator: [
    (function_declarator
      declarator: [
        (field_identifier) @name
        (operator_name) @name
        (qualified_identifier
          name: [
            (identifier) @name
            (operator_name) @name
            (template_function name: (identifier) @name)
            (qualified_identifier name: [(identifier) @name (operator_name) @name])
          ])
      ])
    (pointer_declarator
      declarator: (function_declarator
        declarator: [
          (field_identifier) @name
          (operator_name) @name
          (qualified_identifier
            name: [(identifier) @name (qualified_identifier name: (identifier) @name)])
        ]))
    (reference_declarator
      (function_declarator
        declarator: [
          (field_identifier) @name
          (operator_name) @name
          (qualified_identifier
            name: [
              (identifier) @name
              (operator_name) @name
              (qualified_identifier name: [(identifier) @name (operator_name) @name])
            ])
        ]))
  ]) @definition.method
(function_definition
  !type
  declarator: (function_declarator
    declarator: (qualified_identifier
      name: [(identifier) @name (qualified_identifier name: (identifier) @name)])))
  @definition.constructor
(function_definition
  !type
  declarator: (function_declarator
    declarator: [
      (destructor_name) @name
      (qualified_identifier
        name: [(destructor_name) @name (qualified_identifier name: (destructor_name) @name)])
    ])) @definition.method
(field_declaration
  declarator: (function_declarator declarator: [(field_identifier) (operator_name)] @name)
  default_value: (number_literal)) @definition.method

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
        ])
    ] @definition.variable))
(namespace_definition
  body: (declaration_list
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
          ])
      ] @definition.variable)))

; Calls

(call_expression
  function: [
    (identifier) @name
    (field_expression
      field: [
        (field_identifier) @name
        (template_method name: (field_identifier) @name)
      ])
    (template_function name: (identifier) @name)
    (qualified_identifier
      name: [
        (identifier) @name
        (template_function name: (identifier) @name)
        (qualified_identifier
          name: [
            (identifier) @name
            (template_function name: (identifier) @name)
            (qualified_identifier
              name: [
                (identifier) @name
                (template_function name: (identifier) @name)
                (qualified_identifier
                  name: [(identifier) @name (template_function name: (identifier) @name)])
              ])
          ])
      ])
  ]) @reference.call
(new_expression
  type: [
    (type_identifier) @name
    (template_type name: (type_identifier) @name)
    (qualified_identifier
      name: [
        (type_identifier) @name
        (template_type name: (type_identifier) @name)
        (qualified_identifier name: (type_identifier) @name)
      ])
  ]) @reference.call

; Base classes

(base_class_clause
  [
    (type_identifier) @name
    (template_type name: (type_identifier) @name)
    (qualified_identifier
      name: [
        (type_identifier) @name
        (template_type name: (type_identifier) @name)
        (qualified_identifier name: (type_identifier) @name)
      ])
  ] @reference.class)

; Types

(declaration
  type: [(type_identifier) @name (template_type name: (type_identifier) @name)]) @reference.type
(parameter_declaration
  type: [(type_identifier) @name (template_type name: (type_identifier) @name)]) @reference.type
(optional_parameter_declaration
  type: [(type_identifier) @name (template_type name: (type_identifier) @name)]) @reference.type
(field_declaration
  type: [(type_identifier) @name (template_type name: (type_identifier) @name)]) @reference.type
(function_definition
  type: [(type_identifier) @name (template_type name: (type_identifier) @name)]) @reference.type
(type_descriptor
  type: [(type_identifier) @name (template_type name: (type_identifier) @name)]) @reference.type
(for_range_loop
  type: [(type_identifier) @name (template_type name: (type_identifier) @name)]) @reference.type
(compound_literal_expression
  type: [(type_identifier) @name (template_type name: (type_identifier) @name)]) @reference.type
(type_definition
  type: [(type_identifier) @name (template_type name: (type_identifier) @name)]) @reference.type
(qualified_identifier
  name: [(type_identifier) @name (template_type name: (type_identifier) @name)]) @reference.type
(class_specifier name: (type_identifier) @name !body) @reference.type
(struct_specifier name: (type_identifier) @name !body) @reference.type
(union_specifier name: (type_identifier) @name !body) @reference.type
(enum_specifier name: (type_identifier) @name !body) @reference.type

; Imports

(using_declaration
  [
    (identifier) @name
    (qualified_identifier
      name: [(identifier) @name (qualified_identifier name: (identifier) @name)])
  ]) @reference.import

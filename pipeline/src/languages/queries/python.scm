; Python. Types inside of string annotations stay unseen.

; Definitions

(class_definition name: (identifier) @name) @definition.class
(type_alias_statement left: (type (identifier) @name)) @definition.type
(type_alias_statement left: (type (generic_type (identifier) @name))) @definition.type
(module (expression_statement (assignment left: (identifier) @name) @definition.variable))

; One node kind serves functions and methods: the place tells them apart. The blocks of conditions,
; and of imports that may fail, are looked into. A function in a loop or a condition of another
; function stays unseen: it is one in two hundred, at the price of a look into every block.
(module
  [
    (function_definition name: (identifier) @name) @definition.function
    (decorated_definition
      definition: (function_definition name: (identifier) @name) @definition.function)
  ])
(function_definition
  body: (block
    [
      (function_definition name: (identifier) @name) @definition.function
      (decorated_definition
        definition: (function_definition name: (identifier) @name) @definition.function)
    ]))
(class_definition
  body: (block
    [
      (function_definition name: (identifier) @name) @definition.method
      (decorated_definition
        definition: (function_definition name: (identifier) @name) @definition.method)
    ]))
(module
  (if_statement
    [
      (block (function_definition name: (identifier) @name) @definition.function)
      (elif_clause (block (function_definition name: (identifier) @name) @definition.function))
      (else_clause (block (function_definition name: (identifier) @name) @definition.function))
    ]))
(module
  (try_statement
    [
      (block (function_definition name: (identifier) @name) @definition.function)
      (except_clause (block (function_definition name: (identifier) @name) @definition.function))
      (else_clause (block (function_definition name: (identifier) @name) @definition.function))
    ]))
(class_definition
  body: (block
    (if_statement
      [
        (block (function_definition name: (identifier) @name) @definition.method)
        (elif_clause (block (function_definition name: (identifier) @name) @definition.method))
        (else_clause (block (function_definition name: (identifier) @name) @definition.method))
      ])))
(ERROR (function_definition name: (identifier) @name) @definition.function)

; Calls

(call
  function: [
    (identifier) @name
    (attribute attribute: (identifier) @name)
  ]) @reference.call
(decorator [(identifier) @name (attribute attribute: (identifier) @name)]) @reference.call

; Base classes

(class_definition
  superclasses: (argument_list
    [
      (identifier) @name
      (attribute attribute: (identifier) @name)
      (subscript value: (identifier) @name)
    ] @reference.class))

; Types

(type
  [
    (identifier) @name
    (attribute attribute: (identifier) @name)
    (generic_type (identifier) @name)
    (subscript value: (attribute attribute: (identifier) @name))
    (binary_operator left: (identifier) @name)
    (binary_operator right: (identifier) @name)
  ]) @reference.type
(except_clause
  value: [
    (identifier) @name
    (tuple (identifier) @name)
    (as_pattern (identifier) @name)
    (as_pattern (tuple (identifier) @name))
  ]) @reference.type
(raise_statement (identifier) @name) @reference.type

; Imports

(import_statement name: (dotted_name) @name) @reference.import
(import_statement name: (aliased_import name: (dotted_name) @name)) @reference.import
(import_from_statement name: (dotted_name) @name) @reference.import
(import_from_statement name: (aliased_import name: (dotted_name) @name)) @reference.import

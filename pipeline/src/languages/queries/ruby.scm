; Ruby. A bare identifier may be a local variable or a call without arguments; it counts as the
; former, because the tree does not tell.

; Definitions

(class
  name: [
    (constant) @name
    (scope_resolution name: (constant) @name)
  ]) @definition.class
(module
  name: [
    (constant) @name
    (scope_resolution name: (constant) @name)
  ]) @definition.module
(method name: (_) @name) @definition.method
(singleton_method name: (_) @name) @definition.method
(alias name: (identifier) @name) @definition.method
(assignment
  left: [
    (constant) @name
    (scope_resolution name: (constant) @name)
  ]) @definition.constant
(operator_assignment left: (constant) @name) @definition.constant

; Calls

(call method: [(identifier) (constant)] @name) @reference.call

; Base classes

(superclass
  [
    (constant) @name
    (scope_resolution name: (constant) @name)
  ]) @reference.class

; Classes and modules that are called, handed over (`include Module`, `raise Error`) or rescued

(call
  receiver: [
    (constant) @name
    (scope_resolution name: (constant) @name)
  ] @reference.type)
(call
  arguments: (argument_list
    [
      (constant) @name
      (scope_resolution name: (constant) @name)
    ] @reference.type))
(exceptions
  [
    (constant) @name
    (scope_resolution name: (constant) @name)
  ] @reference.type)

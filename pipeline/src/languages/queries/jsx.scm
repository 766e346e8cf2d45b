; JSX elements: only a capitalised name is a component, the rest are the names of HTML.

(jsx_opening_element
  name: [
    (identifier) @name
    (member_expression property: (property_identifier) @name)
  ]
  (#match? @name "^[A-Z]")) @reference.call
(jsx_self_closing_element
  name: [
    (identifier) @name
    (member_expression property: (property_identifier) @name)
  ]
  (#match? @name "^[A-Z]")) @reference.call

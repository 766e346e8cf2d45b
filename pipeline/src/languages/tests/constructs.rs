//! What the samples leave out: constructs that take care to match, and those that must not match.

use super::tags::assert_tags;

#[test]
fn constructs_have_their_tags() {
    for (language, source, expected) in CASES {
        assert_tags(language, source, expected);
    }
}

const CASES: [(&str, &str, &str); 27] = [
    (
        "rust",
        "use a::{b::C, D as E}; impl fmt::Display for a::B<T> {}",
        "1: ref import C, ref import D, ref implementation Display, ref type Display, ref type B, ref type T",
    ),
    (
        "rust",
        "extern \"C\" { fn f(); } fn g() { fn h() {} let local = S { x: 1 }; }",
        "1: def function f, def function g, def function h, ref type S",
    ),
    (
        "rust",
        "fn f() { m::g::<u8>(); A::new(); b.c::<T>(); a::d!(); }",
        "1: def function f, ref call g, ref type A, ref call new, ref call c, ref type T, ref call d",
    ),
    (
        "python",
        "import a.b as c\nfrom d import e as f\nclass A(b.B, C[int]): x = 1\n",
        "1: ref import a.b\n2: ref import e\n3: def class A, ref class B, ref class C",
    ),
    (
        "python",
        "try:\n    def f(): local = 1\nexcept E:\n    def f(): pass\n",
        "2: def function f\n3: ref type E\n4: def function f",
    ),
    (
        "python",
        "class A:\n    if B:\n        def f(self): pass\n    @d\n    def g(self): pass\n",
        "1: def class A\n3: def method f\n4: ref call d\n5: def method g",
    ),
    (
        "python",
        "def f(a: int | B = 1, b: list[m.C] = 2): raise D\n",
        "1: def function f, ref type int, ref type B, ref type list, ref type C, ref type D",
    ),
    (
        "javascript",
        "const a = require('a'); const b = c.d(); let e = 1; const { f } = g;",
        "1: ref call require, def constant b, ref call d",
    ),
    (
        "javascript",
        "function f() { const local = 1; const g = () => local; }",
        "1: def function f, def function g",
    ),
    (
        "javascript",
        "module.exports = function f() {}; a.b = class {}; a.c = function () {};",
        "1: def function f, def class b, def function c",
    ),
    (
        "javascript",
        "const V = () => <li><A.B/><C></C></li>; class D extends a.E {}",
        "1: def function V, ref call B, ref call C, def class D, ref class E",
    ),
    (
        "typescript",
        "class A extends b.B<C> implements d.D<E> { f = () => 1; g: F; @h x; }",
        "1: def class A, ref class B, ref type C, ref implementation D, ref type D, ref type E, def method f, ref type F, ref call h",
    ),
    (
        "typescript",
        "declare const a: A; declare module B { function f(): void }",
        "1: def constant a, ref type A, def module B, def function f",
    ),
    (
        "typescript",
        "type A = B[] | (C & D) | typeof e | F['x'] | { g: G }; new a.H<I>();",
        "1: def type A, ref type B, ref type C, ref type D, ref type F, ref type G, ref call H, ref type I",
    ),
    (
        "go",
        "package p; const A, B = 1, 2; var ( c, d = f[T](1), 3 ); type E = F",
        "1: def constant A, def constant B, def variable c, def variable d, ref call f, ref type T, def type E, ref type F",
    ),
    (
        "go",
        "package p; func f() { const x = 1; var y T; z := new(U) }",
        "1: def function f, ref type T, ref call new, ref type U",
    ),
    (
        "java",
        "class A extends b.B<C> { static final int D = 1, E = 2; int f; void g() { new a.H(); } }",
        "1: def class A, ref class B, ref type B, ref type C, def constant D, def constant E, def method g, ref call H, ref type H",
    ),
    (
        "java",
        "@interface A { String b() default \"\"; } interface C extends D<E> { int F = 1; }",
        "1: def interface A, ref type String, def method b, def interface C, ref class D, ref type E, def constant F",
    ),
    (
        "c",
        "int **f(void) { int local; } int g(void); typedef struct { int x; } *S;",
        "1: def function f, def type S",
    ),
    (
        "c",
        "#define GUARD\n#define ONE 1\n#define TWO(x) x\nstruct s; static int *a = 0, b[2];",
        "2: def constant ONE\n3: def macro TWO\n4: ref type s, def variable a, def variable b",
    ),
    (
        "cpp",
        "A::A() {} A::~A() {} int *A::f() {} a::B &a::B::operator=(int x) {}",
        "1: def constructor A, def method ~A, def method f, ref type B, def method operator=",
    ),
    (
        "cpp",
        "class EXPORT A { int f() { return 1; } }; TEST(B, C) { d<int>(); e::f::g(); h->i(); }",
        "1: ref type EXPORT, def class A, def function f, def function TEST, ref type B, ref type C, ref call d, ref call g, ref call i",
    ),
    (
        "cpp",
        "class A { A(); void f(); template <class T> A(T t) {} }; A b = A{1};",
        "1: def class A, def constructor A, ref type T, ref type A, def variable b, ref type A",
    ),
    (
        "ruby",
        "class A::B < C; class << self; def d=(e); end; end; end; local = f",
        "1: def class B, ref class C, def method d=",
    ),
    (
        "csharp",
        "class A<T>(int b) : C<D>(b) { ~A() {} static readonly E F = new(); int G; }",
        "1: def class A, ref class C, ref type D, ref type E, def constant F",
    ),
    (
        "csharp",
        "using A = B.C; class D { void I.F() { g?.H<J>(); new K.L(); (M)n; } }",
        "1: def class D, def method F, ref call H, ref type J, ref call L, ref type M",
    ),
    (
        "php",
        "<?php use A\\{B, C as D}; new static; $e(); \\f\\g(); h\\I::j(); K::L;",
        "1: ref import B, ref import C, ref call static, ref call g, ref type I, ref call j, ref type K",
    ),
];

//! The tags of the sample of each language, line by line.

use super::tags::assert_tags;

macro_rules! sample {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/languages/", $path))
    };
}

const SAMPLES: [(&str, &str, &str); 12] = [
    (
        "c",
        sample!("c/sample.c"),
        "
4: def constant CAPACITY
5: def macro MIN
7: ref type node, def type node_t
8: def type visitor, ref type node_t
10: def enum colour, def constant RED, def constant BLACK
12: def struct node
14: ref type colour
15: ref type node
18: def variable allocated
20: ref type node_t
23: ref type node_t, def function node_new
24: ref type node_t, ref call malloc, ref type node
25: ref call MIN
30: def function walk, ref type list, ref type visitor
32: ref type node_t
33: ref call visit
35: ref call done",
    ),
    (
        "cpp",
        sample!("cpp/sample.cpp"),
        "
4: def module geometry
5: def variable PI
6: def enum Colour, def constant Red, def constant Green
9: def class Shape
11: def constructor Shape, ref type Colour
12: def method ~Shape
13: def method area
15: ref type Colour
18: def class Circle, ref class Shape, ref class Counted, ref type Counted, ref type Circle
21: def method operator==, ref type Circle
25: def method area
26: ref call square
30: ref type T, def function biggest, ref type vector, ref type T
31: ref type T, ref call area
32: ref call pick, ref call begin, ref call end
37: def type Owned, ref type unique_ptr, ref type Shape
38: ref type Owned, def function make
39: ref call make_unique, ref type Circle, ref call Circle, ref type Circle",
    ),
    (
        "csharp",
        sample!("csharp/sample.cs"),
        "
1: ref import System.Collections.Generic
3: def module Weather.Stations
5: def enum Unit, def constant Celsius, def constant Kelvin
7: def type Alarm, ref type Reading
9: def class Reading, ref type Unit
11: def interface IStation
13: ref type Reading, def method Measure, ref type Unit
17: ref type Serializable
18: def class Station, ref class Device, ref class IStation
20: def constant Offset
21: ref type List, ref type Reading, ref call List, ref type Reading
23: def constructor Station
25: def property Count
26: ref type Alarm, def property Raised
28: ref type Reading, def method Measure, ref type Unit
30: ref call Reading, ref call Convert, ref call Sense
31: ref call Add
32: ref call Invoke
35: def function Convert, ref type Unit
39: def method Sense, ref call Open, ref type Thermometer, ref call Read",
    ),
    (
        "go",
        sample!("go/sample.go"),
        "
6: def constant Capacity
8: def variable ErrFull, ref call New
10: def type Priority, ref type int
13: def interface Worker
14: def method Run, ref type Job, ref type error
17: def struct Job
18: ref type string
19: ref type Priority
22: def struct Queue
23: ref type Job
26: def function New, ref type Job, ref type Queue
27: ref type Queue
30: ref type Queue, def method Push, ref type Job, ref type error
31: ref call full
34: ref call append
38: def function full, ref type any, ref type T, ref type bool, ref call len",
    ),
    (
        "java",
        sample!("java/sample.java"),
        "
3: ref import List
4: ref import Predicate
7: def class Shelf, ref class Storage, ref implementation Searchable, ref type Book
8: def constant LIMIT
9: ref type List, ref type Book
11: def constructor Shelf, ref type List, ref type Book
15: ref type Override
16: ref type Book, def method find, ref type Predicate, ref type Book, ref type NotFound
17: ref type Book
18: ref call test
22: ref call NotFound, ref call size
25: def method size
26: ref call min, ref call size
29: ref type List, ref type String, def method titles, ref type Shelf
30: ref call stream, ref call map, ref method title, ref call toList
34: def interface Searchable
35: ref type T, def method find, ref type Predicate, ref type T, ref type NotFound
38: def class Book, ref type String, ref type Genre
40: def enum Genre, def constant NOVEL, def constant ESSAY",
    ),
    (
        "javascript",
        sample!("javascript/sample.js"),
        "
1: ref import readFile
2: ref import Cache
4: def constant LIMIT
8: def function normalise
9: ref call trim, ref call toLowerCase
12: def function count, ref call map
14: def class Counter, ref class Cache
15: ref call Map
17: def method add
18: ref call normalise
19: ref call set, ref call get
20: ref call add
23: def method onError, ref call error
26: def function open
27: ref call Counter
28: ref call readFile
29: ref call split, ref call forEach, ref call add
33: def method total, ref call count",
    ),
    (
        "php",
        sample!("php/sample.php"),
        r"
3: def module App\Mail
5: ref import Transport
6: ref import LoggerInterface
8: def interface Sender
10: def method send, ref type Message
13: def enum Status
15: def constant Sent
19: def class Mailer, ref class Service, ref implementation Sender
21: ref implementation Countable
22: def constant QUEUE
24: def method __construct, ref type Transport, ref type Logger
26: ref call __construct
29: def method send, ref type Message
31: ref call attempt, ref call deliver
32: ref call info, ref type Status, ref call from
33: ref type Status
37: def function attempt
39: ref call RuntimeException, ref call sprintf",
    ),
    (
        "python",
        sample!("python/sample.py"),
        "
3: ref import dataclass, ref import field
4: ref import Decimal
6: def variable LIMIT, ref type Decimal, ref call Decimal
7: def variable opened
10: def class Refused, ref class Exception
14: ref call dataclass
15: def class Account
16: ref type str
17: ref type Decimal, ref call Decimal
18: ref type list, ref type str, ref call field
20: ref call property
21: def method empty, ref type bool
24: def method withdraw, ref type Decimal
27: ref call Refused
31: def function transfer, ref type Account, ref type Account, ref type Decimal, ref type Decimal
32: def function note, ref type Account, ref type str
33: ref call append
35: ref call withdraw, ref call min
37: ref call note",
    ),
    (
        "ruby",
        sample!("ruby/sample.rb"),
        "
1: ref call require
4: def module Shop
5: def constant TAX
7: def class OrderError, ref class StandardError
9: def class Order, ref class Record
10: ref call include, ref type Comparable
12: ref call attr_reader
14: def method load
15: ref call new, ref type File, ref call read, ref call lines, ref call map, ref type Line, ref call parse
18: def method initialize
20: ref call raise, ref type OrderError, ref call empty?
23: def method total
24: ref call with_tax, ref call sum
27: def method <=>
28: ref call total
33: def method with_tax
39: ref type Order, ref call load
40: ref call puts, ref call total",
    ),
    (
        "rust",
        sample!("rust/sample.rs"),
        "
3: ref import Display
5: def constant SIDES
6: def variable ORIGIN, ref type Point, ref type Point
9: def struct Point
14: def enum Shape
15: def constant Circle, ref type Point
16: def constant Square, ref type Point
19: def trait Area
20: def method area
23: ref implementation Area, ref type Shape
24: def method area
26: ref call square
27: ref type Square, ref call square
32: def function square
36: def function total, ref type Shape
37: ref type Vec, ref call iter, ref call map, ref call collect
38: ref call println
39: ref call into_iter, ref call sum",
    ),
    (
        "tsx",
        sample!("tsx/sample.tsx"),
        "
1: ref import useState
2: ref import Task
4: def interface Props
5: ref type Task
6: ref type Task
9: def constant TITLE
12: def function Row, ref type Task, ref type Element
13: ref call format
16: def function format, ref type Task, ref call trim
18: def function TaskList, ref type Props
19: ref call useState, ref type Task
20: def function pick, ref type Task
21: ref call setPicked
22: ref call onPick
25: ref call Body, ref call pick
26: ref call map
27: ref call Row
29: ref call Details",
    ),
    (
        "typescript",
        sample!("typescript/sample.ts"),
        "
1: ref import EventEmitter
3: def type Listener, ref type T
5: def enum Level
6: def constant Low
7: def constant High
10: def interface Sensor
12: def method read, ref type Unit
15: def type Unit
17: def constant OFFSET
20: def class Probe, ref class EventEmitter, ref implementation Sensor
21: def method constructor, ref type Map, ref type Listener
25: def method read, ref type Unit
26: ref call measure
27: ref call shift
30: def method measure
33: def function shift
37: def module Probes
38: def function describe, ref type Probe, ref type Level",
    ),
];

#[test]
fn samples_have_their_tags() {
    for (language, source, expected) in SAMPLES {
        assert_tags(language, source, expected);
    }
}

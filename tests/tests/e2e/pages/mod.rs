//! The pages of stores: every question on them answers, against what a real load left.

mod elastic;
mod neo4j;
mod postgres;
mod sqlite;

use astload_tests::Sandbox;
use astload_tests::page::{Page, Question};

/// What each question finds in [`shop`], among other rows.
const ANSWERS: [(&str, &str); 10] = [
    ("Who calls this function?", "prices.py|13|price_of"),
    ("What may break if it changes?", "name python render|3"),
    ("Which functions are called most?", "name python price|2|1"),
    ("What is defined and used nowhere?", "report.py|8|name python forgotten"),
    ("Which functions are the longest?", "orders.py|total|7"),
    ("Where is code nested deepest?", "orders.py|13|3"),
    ("Which files depend on each other?", "orders.py|prices.py|2|2"),
    ("What is defined more than once?", "name python render|2|report.py|text.py"),
    ("Which files do not parse, and where?", "broken.py|2|1"),
    ("What did the last load change?", "repo|report.py|9"),
];

/// A small repository with something for every question.
fn shop() -> Sandbox {
    Sandbox::with(&[
        (
            "prices.py",
            "from orders import Order\n\n\ndef price(item):\n    return item.cost\n\n\n\
             def discounted(item, rate):\n    return price(item) * rate\n\n\n\
             def price_of(order: Order):\n    return price(order.item)\n",
        ),
        (
            "orders.py",
            "from prices import discounted\n\n\nclass Order:\n    def __init__(self, item):\n        \
             self.item = item\n\n\ndef total(orders):\n    result = 0\n    for order in orders:\n        \
             if order.item:\n            while order.open:\n                \
             result += discounted(order.item, 2)\n    return result\n",
        ),
        (
            "report.py",
            "from orders import total\n\n\ndef render(orders):\n    return total(orders)\n",
        ),
        ("text.py", "def render(text):\n    return text.strip()\n"),
        ("broken.py", "def half(x):\n    return (x +\n"),
    ])
}

/// A change of one file of it.
fn change(shop: &Sandbox) {
    let more = "\n\ndef forgotten(orders):\n    return None\n";
    let text = std::fs::read_to_string(shop.file("report.py")).expect("read");
    shop.write("report.py", text + more);
}

/// Requires that every question of a page finds what there is.
#[track_caller]
fn all_answer(page: &str, ask: impl Fn(&str) -> Vec<String>) {
    for (Question { asks, answer }, (_, expected)) in
        Page::read(page).questions().iter().zip(ANSWERS)
    {
        let rows = ask(answer);
        assert!(rows.iter().any(|row| row == expected), "{asks} {expected} is not in {rows:#?}");
    }
}

/// Requires that a page has every option of a type with its default.
#[track_caller]
fn has_the_settings(page: &str, type_name: &str) {
    let page = Page::read(page);
    let written = page.rows("Settings");
    let types = Sandbox::new().run(&["backends", "--json"]).exits(0).json();
    let types = types.as_array().expect("a list");
    let ours = types.iter().find(|one| one["type"]["name"] == type_name).expect("the type");
    let required = ours["options"]["required"].as_array().expect("a list");
    for (name, option) in ours["options"]["properties"].as_object().expect("options") {
        let default = match &option["default"] {
            _ if required.iter().any(|one| one == name) => "required".to_owned(),
            serde_json::Value::Null => "none".to_owned(),
            serde_json::Value::Array(items) if items.is_empty() => "none".to_owned(),
            serde_json::Value::String(text) if text.is_empty() => "none".to_owned(),
            serde_json::Value::String(text) => format!("`{text}`"),
            other => format!("`{other}`"),
        };
        let row = [format!("`{name}`"), default];
        assert!(written.iter().any(|cells| cells[..2] == row), "{row:?} is not in {written:#?}");
    }
}

#[test]
fn the_pages_answer_the_same_ten_questions() {
    for page in [sqlite::PAGE, postgres::PAGE, neo4j::PAGE] {
        let asked = Page::read(page).questions();
        let asked: Vec<&str> = asked.iter().map(|question| &*question.asks).collect();
        assert_eq!(asked, ANSWERS.map(|(asks, _)| asks), "{page}");
    }
}

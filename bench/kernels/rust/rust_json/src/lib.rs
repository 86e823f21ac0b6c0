//! A kernel as Rust plugins are: JSON to structs with serde, grouped in a map, and back to JSON.
//!
//! The sums that it must find are those that went into the text; what is written must read as the same again.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::OnceLock;

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Item {
    Book { title: String, pages: u32 },
    Record { title: String, minutes: f64 },
    Bundle { items: Vec<Item> },
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Order {
    id: u64,
    customer: String,
    cents: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remark: Option<String>,
    items: Vec<Item>,
}

/// What was put into the text.
#[derive(Debug, Default, PartialEq)]
struct Totals {
    cents: BTreeMap<String, i64>,
    pages: u64,
    quarter_minutes: u64,
}

struct Input {
    text: String,
    totals: Totals,
}

const ORDERS: u64 = 120;
const CUSTOMERS: [&str; 5] = ["Ada", "Grün \\\"x\\\"", "Zoë\\n", "\\u4e2d\\u6587", "Bob"];
const CUSTOMERS_READ: [&str; 5] = ["Ada", "Grün \"x\"", "Zoë\n", "中文", "Bob"];

/// Marsaglia's xorshift, as in kernel.h.
fn random(state: &mut u32) -> u32 {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    *state >> 8
}

fn make_input() -> Input {
    let mut seed = 39;
    let mut text = String::from("[");
    let mut totals = Totals::default();
    for id in 0..ORDERS {
        let customer = random(&mut seed) as usize % CUSTOMERS.len();
        let cents = i64::from(random(&mut seed)) - 8_000_000;
        let (pages, quarters) = (random(&mut seed) % 900, random(&mut seed) % 400);
        let comma = if id == 0 { "" } else { ", " };
        let remark = if id % 3 == 0 { r#" "remark": "please, \"quickly\"","# } else { "" };
        let minutes = f64::from(quarters) / 4.0;
        write!(
            text,
            r#"{comma}{{"id": {id}, "customer": "{}", "cents": {cents},{remark} "items": [
                {{"type": "book", "title": "Volume {id}", "pages": {pages}}},
                {{"type": "bundle", "items": [{{"type": "record", "title": "Side A", "minutes": {minutes}}}]}}]}}"#,
            CUSTOMERS[customer]
        )
        .expect("strings take everything");
        *totals.cents.entry(CUSTOMERS_READ[customer].to_owned()).or_default() += cents;
        totals.pages += u64::from(pages);
        totals.quarter_minutes += u64::from(quarters);
    }
    text.push(']');
    Input { text, totals }
}

fn count(items: &[Item], totals: &mut Totals) {
    for item in items {
        match item {
            Item::Book { pages, .. } => totals.pages += u64::from(*pages),
            Item::Record { minutes, .. } => totals.quarter_minutes += (minutes * 4.0) as u64,
            Item::Bundle { items } => count(items, totals),
        }
    }
}

fn round(input: &Input) -> i32 {
    let Ok(orders) = serde_json::from_str::<Vec<Order>>(&input.text) else {
        return 1;
    };
    let mut by_customer: HashMap<&str, Vec<&Order>> = HashMap::new();
    let mut totals = Totals::default();
    for order in &orders {
        by_customer.entry(&order.customer).or_default().push(order);
        count(&order.items, &mut totals);
    }
    for (customer, orders) in &mut by_customer {
        orders.sort_by_key(|order| (order.cents, order.id));
        let sum = orders.iter().map(|order| order.cents).sum();
        totals.cents.insert((*customer).to_owned(), sum);
    }
    if totals != input.totals {
        return 2;
    }
    match serde_json::to_string(&orders) {
        Ok(text) if serde_json::from_str::<Vec<Order>>(&text).is_ok_and(|again| again == orders) => 0,
        _ => 3,
    }
}

#[no_mangle]
pub extern "C" fn run(rounds: i32) -> i32 {
    static INPUT: OnceLock<Input> = OnceLock::new();
    let input = INPUT.get_or_init(make_input);
    (0..rounds).map(|_| round(input)).find(|&wrong| wrong != 0).unwrap_or(0)
}

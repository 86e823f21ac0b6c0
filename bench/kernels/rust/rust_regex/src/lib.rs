//! A kernel as Rust plugins are: lines of an access log taken apart with the regex crate, counted in maps, and a report
//! made with formatting. It must find the numbers that went into the log.

use regex::Regex;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::OnceLock;

/// What is counted for each path.
#[derive(Clone, Debug, Default, PartialEq)]
struct Count {
    requests: u32,
    errors: u32,
    bytes: u64,
}

struct Input {
    log: String,
    expected: BTreeMap<String, Count>,
    line: Regex,
    date: Regex,
}

const LINES: u32 = 250;
const PATHS: [&str; 5] = ["/", "/index.html", "/api/v1/users", "/img/logo.png", "/search"];

/// Marsaglia's xorshift, as in kernel.h.
fn random(state: &mut u32) -> u32 {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    *state >> 8
}

fn make_input() -> Input {
    let mut seed = 40;
    let mut log = String::new();
    let mut expected: BTreeMap<String, Count> = BTreeMap::new();
    for line in 0..LINES {
        let path = PATHS[random(&mut seed) as usize % PATHS.len()];
        let status = [200, 304, 404, 500][random(&mut seed) as usize % 4];
        let bytes = random(&mut seed) % 100_000;
        let query = if line % 4 == 0 { "?q=a%20b&page=2" } else { "" };
        if line % 10 == 9 {
            log.push_str("this line is not one of ours: 10.0.0.1 GET / 200\n");
            continue;
        }
        writeln!(
            log,
            "10.0.{}.{} - - [22/Nov/2024:{:02}:{:02}:00 +0000] \"GET {path}{query} HTTP/1.1\" {status} {bytes}",
            line % 7,
            line % 200,
            line % 24,
            line % 60
        )
        .expect("strings take everything");
        let count = expected.entry(path.to_owned()).or_default();
        count.requests += 1;
        count.errors += u32::from(status >= 400);
        count.bytes += u64::from(bytes);
    }
    Input {
        log,
        expected,
        line: Regex::new(
            r#"^(?<address>\d+(?:\.\d+){3}) \S+ \S+ \[(?<date>[^\]]+)\] "(?:GET|POST) (?<path>[^ ?"]+)\S* HTTP/[\d.]+" (?<status>\d{3}) (?<bytes>\d+)$"#,
        )
        .expect("a right pattern"),
        date: Regex::new(r"(\d\d)/(Nov|Dec)/(\d{4})").expect("a right pattern"),
    }
}

fn round(input: &Input) -> i32 {
    let mut counts: BTreeMap<&str, Count> = BTreeMap::new();
    for line in input.log.lines() {
        let Some(fields) = input.line.captures(line) else {
            continue;
        };
        let (Ok(status), Ok(bytes)) = (fields["status"].parse::<u32>(), fields["bytes"].parse::<u64>())
        else {
            return 1;
        };
        let path = fields.name("path").map_or("", |found| found.as_str());
        let count = counts.entry(path).or_default();
        count.requests += 1;
        count.errors += u32::from(status >= 400);
        count.bytes += bytes;
    }
    if !counts
        .iter()
        .map(|(path, count)| (*path, count))
        .eq(input.expected.iter().map(|(p, c)| (p.as_str(), c)))
    {
        return 2;
    }
    let dates = input.date.replace_all(&input.log, "$3-$2-$1");
    if dates.matches("2024-Nov-22").count() != input.log.matches("22/Nov/2024").count()
        || dates.contains("22/Nov")
    {
        return 3;
    }
    let mut report = String::new();
    for (path, count) in &counts {
        if writeln!(
            report,
            "{path:<20}|{:>6}|{:>6}|{:>12.2}",
            count.requests,
            count.errors,
            count.bytes as f64 / 1024.0
        )
        .is_err()
        {
            return 4;
        }
    }
    // Each line is 20 + 1 + 6 + 1 + 6 + 1 + 12 characters and its end.
    i32::from(report.len() != counts.len() * 48) * 5
}

#[no_mangle]
pub extern "C" fn run(rounds: i32) -> i32 {
    static INPUT: OnceLock<Input> = OnceLock::new();
    let input = INPUT.get_or_init(make_input);
    (0..rounds).map(|_| round(input)).find(|&wrong| wrong != 0).unwrap_or(0)
}

//! Calls the methods that host_bench.c calls, through other plugin frameworks, with the same command line.
//! One process is one measurement; bench/host.py starts them in turn.

mod extism;
mod framework;
mod wasmi_plugin;

use std::process::ExitCode;
use std::time::Instant;

use framework::Framework;

const HELP: &str = "\
usage: host_peers ping FRAMEWORK PLUGIN.wasm CALLS
       host_peers echo FRAMEWORK PLUGIN.wasm N CALLS
       host_peers list

ping  calls ping CALLS times, each in a sandbox of its own, after a tenth as many calls that are not timed,
      and prints a line each: cpu_median, cpu_min, wall_median, wall_p99 and wall_min NANOSECONDS, of one call
      from its start until its sandbox is gone. Exits with 1 where an answer is wrong.
echo  the same with many_echo(N), for which the plugin calls the host N times.
list  prints the frameworks, their versions and how they are used.
";

struct Entry {
    name: &'static str,
    package: &'static str,
    make: fn(Vec<u8>) -> Result<Box<dyn Framework>, String>,
    about: &'static str,
}

const FRAMEWORKS: &[Entry] = &[
    Entry {
        name: "wasmi-plugin",
        package: "wasmi-plugin-hdk",
        make: wasmi_plugin::load,
        about: "loaded once; each call runs the plugin anew, as it always does",
    },
    Entry {
        name: "extism",
        package: "extism",
        make: extism::load,
        about: "compiled to machine code once; each call makes a new plugin of that",
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["ping", framework, file, calls] => ping(framework, file, calls),
        ["echo", framework, file, n, calls] => echo(framework, file, n, calls),
        ["list"] => {
            list();
            Ok(())
        }
        ["--help"] => {
            print!("{HELP}");
            Ok(())
        }
        _ => {
            eprint!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("host_peers: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn load(name: &str, file: &str) -> Result<Box<dyn Framework>, String> {
    let entry = FRAMEWORKS.iter().find(|entry| entry.name == name);
    let entry = entry.ok_or_else(|| format!("there is no framework \"{name}\": see host_peers list"))?;
    let bytes = std::fs::read(file).map_err(|error| format!("{file}: {error}"))?;
    (entry.make)(bytes)
}

fn number(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("not a number above 0: {text}")),
    }
}

fn ping(framework: &str, file: &str, calls: &str) -> Result<(), String> {
    let mut framework = load(framework, file)?;
    time_calls(number(calls)?, || framework.ping())
}

fn echo(framework: &str, file: &str, n: &str, calls: &str) -> Result<(), String> {
    let n = number(n)?;
    let mut framework = load(framework, file)?;
    time_calls(number(calls)?, || {
        let before = framework.host_calls();
        framework.many_echo(n)?;
        match framework.host_calls() - before {
            seen if seen == n => Ok(()),
            seen => Err(format!("many_echo({n}) called the host {seen} times")),
        }
    })
}

/// Two clocks: that of the processor's time is the outer one, because it is the slower one to read.
fn time_calls(calls: u64, mut call: impl FnMut() -> Result<(), String>) -> Result<(), String> {
    for _ in 0..calls.div_ceil(10) {
        call()?;
    }
    let (mut cpu, mut wall) = (Vec::new(), Vec::new());
    for _ in 0..calls {
        let cpu_start = cpu_ns();
        let wall_start = Instant::now();
        call()?;
        wall.push(wall_start.elapsed().as_nanos() as u64);
        cpu.push(cpu_ns() - cpu_start);
    }
    cpu.sort_unstable();
    wall.sort_unstable();
    println!("cpu_median {}", cpu[cpu.len() / 2]);
    println!("cpu_min {}", cpu[0]);
    println!("wall_median {}", wall[wall.len() / 2]);
    println!("wall_p99 {}", wall[(wall.len() * 99).div_ceil(100) - 1]);
    println!("wall_min {}", wall[0]);
    Ok(())
}

/// The processor time of this process with all its threads: what another process does meanwhile is not in it.
fn cpu_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a clock that each POSIX system has, and a place for its answer.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    assert_eq!(status, 0, "there is no clock for the processor time");
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn list() {
    for entry in FRAMEWORKS {
        let below = match entry.name {
            "extism" => format!("wasmtime {}", locked("wasmtime")),
            _ => format!("wasmi {}", locked("wasmi")),
        };
        println!("{}\t{} {} on {below}\t{}", entry.name, entry.package, locked(entry.package), entry.about);
    }
}

/// The version of a package, as Cargo.lock has it.
fn locked(package: &str) -> String {
    let lock = include_str!("../Cargo.lock");
    let key = format!("name = \"{package}\"\nversion = \"");
    match lock.split_once(&key) {
        Some((_, rest)) => rest.split('"').next().unwrap_or_default().into(),
        None => "?".into(),
    }
}

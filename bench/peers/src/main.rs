//! Runs benchmark kernels and loads modules on other engines than wplug, with the command line of
//! wplug_bench.c. One process is one measurement; bench/engine.py starts them in turn.

mod peer;
mod preview1;
mod stitch;
mod tinywasm;
mod wamr;
mod wasm3;
mod wasmi;
mod wasmtime;

use std::hint::black_box;
use std::process::ExitCode;

use peer::{Failure, Peer, Running};

const HELP: &str = "\
usage: peers run ENGINE KERNEL.wasm ROUNDS REPEATS
       peers load ENGINE MODULE.wasm REPEATS
       peers list

run   calls run(1) once, then run(ROUNDS) REPEATS times, and prints a line each time: run NANOSECONDS. An
      engine that meters also prints: fuel UNITS, those of one call. Exits with 1 where a call gives anything
      but 0, or traps.
load  prints, REPEATS times: load NANOSECONDS, from bytes to ready to instantiate. Then once: memory BYTES,
      what the loaded module holds as the difference of what malloc has given out (uordblks and hblkhd of
      mallinfo2), plus what the engine says that it mapped. Then, REPEATS times: first NANOSECONDS, from ready
      to instantiate to the end of a call of _initialize or _start, where the module has one of them.
list  prints the engines, their versions and how they are configured.

Times are processor time. Exits with 3, and says `unsupported: ...`, where the engine lacks what the module
needs.
";

struct Entry {
    name: &'static str,
    package: &'static str,
    make: fn() -> Box<dyn Peer>,
    about: &'static str,
}

/// The dashes in the names stand before what differs from an engine's defaults.
const PEERS: &[Entry] = &[
    entry(
        "wasmi1",
        "wasmi 1",
        || wasmi::wasmi1::peer(false, false),
        "validates while loading, translates at first call",
    ),
    entry("wasmi1-fuel", "wasmi 1", || wasmi::wasmi1::peer(true, false), "the same, metered"),
    entry("wasmi1-eager", "wasmi 1", || wasmi::wasmi1::peer(false, true), "translates while loading"),
    entry(
        "wasmi2",
        "wasmi 2",
        || wasmi::wasmi2::peer(false, false),
        "validates while loading, translates at first call",
    ),
    entry("wasmi2-fuel", "wasmi 2", || wasmi::wasmi2::peer(true, false), "the same, metered"),
    entry("wasmi2-eager", "wasmi 2", || wasmi::wasmi2::peer(false, true), "translates while loading"),
    entry(
        "wasm3",
        "wasm3x-sys",
        || wasm3::peer(false),
        "checks and compiles bodies at first call, not while loading",
    ),
    entry("wasm3-eager", "wasm3x-sys", || wasm3::peer(true), "compiles while loading"),
    entry("wamr", "wamrx-sys", wamr::peer, "fast interpreter, translates while loading"),
    entry("stitch", "makepad-stitch", stitch::peer, "validates while loading, compiles at first call"),
    entry("tinywasm", "tinywasm", tinywasm::peer, "translates while loading"),
    entry(
        "pulley",
        "wasmtime",
        || wasmtime::peer(true),
        "compiles to portable code while loading, interprets that",
    ),
    entry(
        "cranelift",
        "wasmtime",
        || wasmtime::peer(false),
        "compiles to machine code while loading: not an interpreter",
    ),
];

const fn entry(
    name: &'static str,
    package: &'static str,
    make: fn() -> Box<dyn Peer>,
    about: &'static str,
) -> Entry {
    Entry { name, package, make, about }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["run", engine, file, rounds, repeats] => run(engine, file, rounds, repeats),
        ["load", engine, file, repeats] => load(engine, file, repeats),
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
        Err(Failure::Failed(reason)) => {
            eprintln!("peers: {reason}");
            ExitCode::FAILURE
        }
        Err(Failure::Unsupported(reason)) => {
            eprintln!("unsupported: {reason}");
            ExitCode::from(3)
        }
    }
}

fn make(name: &str) -> Result<Box<dyn Peer>, Failure> {
    let entry = PEERS.iter().find(|entry| entry.name == name);
    let entry =
        entry.ok_or_else(|| Failure::failed(format!("there is no engine \"{name}\": see peers list")))?;
    Ok((entry.make)())
}

fn read(file: &str) -> Result<Vec<u8>, Failure> {
    std::fs::read(file).map_err(|error| Failure::failed(format!("{file}: {error}")))
}

fn number(text: &str) -> Result<i32, Failure> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(Failure::failed(format!("not a number above 0: {text}"))),
    }
}

fn run(engine: &str, file: &str, rounds: &str, repeats: &str) -> Result<(), Failure> {
    let (rounds, repeats) = (number(rounds)?, number(repeats)?);
    let peer = make(engine)?;
    let mut running = peer.load(&read(file)?)?.instantiate()?;
    running.call("_initialize")?;
    run_checked(running.as_mut(), 1)?;
    for _ in 0..repeats {
        let start = cpu_ns();
        run_checked(running.as_mut(), rounds)?;
        println!("run {}", cpu_ns() - start);
    }
    if let Some(fuel) = running.fuel() {
        println!("fuel {fuel}");
    }
    Ok(())
}

fn run_checked(running: &mut dyn Running, rounds: i32) -> Result<(), Failure> {
    match running.run(rounds)? {
        0 => Ok(()),
        result => Err(Failure::failed(format!("run({rounds}) gave {result}: a wrong result"))),
    }
}

fn load(engine: &str, file: &str, repeats: &str) -> Result<(), Failure> {
    let repeats = number(repeats)?;
    let bytes = read(file)?;
    let peer = make(engine)?;
    for _ in 0..repeats {
        let start = cpu_ns();
        let loaded = peer.load(black_box(&bytes))?;
        println!("load {}", cpu_ns() - start);
        drop(loaded);
    }
    let before = heap_bytes();
    let loaded = peer.load(&bytes)?;
    let after = heap_bytes();
    if let Some(mapped) = loaded.mapped_bytes() {
        println!("memory {}", after.saturating_sub(before) + mapped);
    }
    drop(loaded);
    // Last, because there are engines that do not survive it.
    for _ in 0..repeats {
        let loaded = peer.load(&bytes)?;
        let start = cpu_ns();
        let mut running = loaded.instantiate()?;
        if first_call(running.as_mut())? {
            println!("first {}", cpu_ns() - start);
        }
    }
    Ok(())
}

/// A reactor starts with _initialize, a command with _start, which may end in proc_exit.
fn first_call(running: &mut dyn Running) -> Result<bool, Failure> {
    if running.call("_initialize")? {
        return Ok(true);
    }
    match running.call("_start") {
        Err(_) if preview1::exited() => Ok(true),
        other => other,
    }
}

/// The processor time of this process: what another process does meanwhile is not in it.
fn cpu_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a clock that each POSIX system has, and a place for its answer.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    assert_eq!(status, 0, "there is no clock for the processor time");
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// What malloc has given out, Rust's allocations and those of the engines in C.
fn heap_bytes() -> usize {
    // SAFETY: no preconditions.
    let info = unsafe { libc::mallinfo2() };
    info.uordblks + info.hblkhd
}

fn list() {
    for entry in PEERS {
        let version = match entry.package {
            "wasm3x-sys" => format!("{} (wasm3x-sys {})", wasm3::version(), locked("wasm3x-sys", "")),
            "wasmi 1" => locked("wasmi", "1."),
            "wasmi 2" => locked("wasmi", "2."),
            "wamrx-sys" => format!("{} (wamrx-sys {})", wamr::version(), locked("wamrx-sys", "")),
            package => locked(package, ""),
        };
        println!("{}\t{version}\t{}", entry.name, entry.about);
    }
}

/// The version of a package, as Cargo.lock has it: the first that begins with `start`.
fn locked(package: &str, start: &str) -> String {
    let lock = include_str!("../Cargo.lock");
    let key = format!("name = \"{package}\"\nversion = \"{start}");
    match lock.split_once(&key) {
        Some((_, rest)) => format!("{start}{}", rest.split('"').next().unwrap_or_default()),
        None => "?".into(),
    }
}

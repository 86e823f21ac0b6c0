//! Differential testing: the same modules and calls on wasmtime and on the engine.
//!
//!     wplug-differential COUNT SEED FOLDER     generates COUNT modules from SEED on; differing ones go into FOLDER
//!     wplug-differential --file FILE SEED      runs one module as SEED would be run

mod compare;
mod engine;
mod generate;
mod reference;
mod typed;

use compare::{compare, compare_damaged, Engines, Verdict, TRAP_KINDS};
use generate::{generate, is_canonical, Case, Shrink};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs, thread};

#[derive(Default)]
struct Totals {
    modules: u64,
    none: u64,
    bytes: u64,
    calls: u64,
    traps: [u64; TRAP_KINDS],
    features: [u64; 32],
    loaded: u64,
    differences: u64,
    not_comparable: u64,
}

impl Totals {
    fn print(&self, label: &str) {
        println!(
            "{label}: {} modules, {} calls, {} differences, {} not comparable",
            self.modules, self.calls, self.differences, self.not_comparable
        );
    }
}

impl Totals {
    /// What the modules were made of.
    fn print_contents(&self) {
        println!("{} modules load, of {} bytes each", self.loaded, self.bytes / self.modules.max(1));
        println!("{} seeds gave no module", self.none);
        for (i, count) in self.features.iter().enumerate().filter(|(_, count)| **count > 0) {
            println!("  {count} with {}", engine::feature_name(1 << i));
        }
        println!("{} calls ended in a trap", self.traps.iter().sum::<u64>());
        for (i, count) in self.traps.iter().enumerate().filter(|(_, count)| **count > 0) {
            println!("  {count}: {}", engine::trap_text(i as u32));
        }
    }
}

struct Run {
    engines: Engines,
    simd: bool,
}

impl Run {
    /// The verdict on a case; differences that vanish when NaNs have one pattern are none.
    fn judge(&self, case: &Case, shrink: Shrink) -> Verdict {
        let mut verdict = compare(&self.engines, case);
        if verdict.difference.is_some() && !case.canonical {
            let twin = generate(case.seed, self.simd, true, shrink);
            if twin.is_some_and(|twin| compare(&self.engines, &twin).difference.is_none()) {
                verdict.difference = None;
                verdict.not_comparable += 1;
            }
        }
        verdict
    }

    /// A smaller module of the same seed that still differs.
    fn smaller(&self, seed: u64, mut bytes: usize) -> Option<(Case, String)> {
        let mut best = None;
        let mut shrink = Shrink::NONE;
        let mut try_one = |candidate: Shrink| {
            let case = generate(seed, self.simd, is_canonical(seed), candidate)?;
            let difference = self.judge(&case, candidate).difference?;
            let better =
                best.as_ref().is_none_or(|(old, _): &(Case, String)| case.bytes.len() <= old.bytes.len());
            if better {
                best = Some((case, difference));
            }
            better.then_some(())
        };
        for functions in 1..8 {
            let candidate = Shrink { functions, ..shrink };
            if try_one(candidate).is_some() {
                shrink = candidate;
                break;
            }
        }
        for instructions in [3, 6, 10, 16, 25, 40, 80] {
            let candidate = Shrink { instructions, ..shrink };
            if try_one(candidate).is_some() {
                shrink = candidate;
                break;
            }
        }
        let mut step = bytes / 2;
        while step > 8 {
            let candidate = Shrink { random_bytes: bytes - step, ..shrink };
            if try_one(candidate).is_some() {
                bytes -= step;
            }
            step = step.min(bytes) * 3 / 4;
        }
        best
    }

    fn report(&self, folder: &Path, name: &str, bytes: &[u8], difference: &str) {
        fs::create_dir_all(folder).unwrap();
        let file = folder.join(format!("{name}.wasm"));
        fs::write(&file, bytes).unwrap();
        fs::write(folder.join(format!("{name}.txt")), format!("{difference}\n")).unwrap();
        println!("DIFFERENCE {}: {difference}", file.display());
    }

    fn one(&self, seed: u64, folder: &Path, totals: &mut Totals) {
        let Some(case) = generate(seed, self.simd, is_canonical(seed), Shrink::NONE) else {
            totals.none += 1;
            return;
        };
        totals.modules += 1;
        totals.bytes += case.bytes.len() as u64;
        let verdict = self.judge(&case, Shrink::NONE);
        totals.calls += verdict.calls;
        for (total, traps) in totals.traps.iter_mut().zip(verdict.traps) {
            *total += traps;
        }
        if let Some(features) = verdict.features {
            totals.loaded += 1;
            for (i, total) in totals.features.iter_mut().enumerate() {
                *total += u64::from(features >> i & 1);
            }
        }
        totals.not_comparable += verdict.not_comparable;
        if let Some(difference) = &verdict.difference {
            totals.differences += 1;
            self.report(folder, &seed.to_string(), &case.bytes, difference);
            if let Some((small, difference)) = self.smaller(seed, 60_000) {
                self.report(folder, &format!("{seed}-smaller"), &small.bytes, &difference);
            }
        }
        if let Some((bytes, difference)) = compare_damaged(&self.engines, &case) {
            totals.differences += 1;
            self.report(folder, &format!("{seed}-damaged"), &bytes, &difference);
        }
    }

    fn many(&self, count: u64, first: u64, folder: &Path) -> bool {
        let mut totals = Totals::default();
        fs::create_dir_all(folder).unwrap();
        let current = folder.join("current-seed");
        let mut seed = first;
        while totals.modules < count {
            fs::write(&current, seed.to_string()).unwrap();
            self.one(seed, folder, &mut totals);
            seed += 1;
            if totals.modules % 1000 == 0 {
                totals.print(&format!("  seed {seed}"));
                std::io::stdout().flush().unwrap();
            }
        }
        fs::remove_file(&current).unwrap();
        totals.print_contents();
        totals.print("differential");
        totals.differences == 0
    }

    fn file(&self, file: &str, seed: u64) -> bool {
        let bytes = fs::read(file).expect("the module");
        let countdown = generate(seed, self.simd, true, Shrink::NONE).and_then(|case| case.countdown);
        let case = Case { seed, bytes, countdown, canonical: true, sliced: true };
        let verdict = compare(&self.engines, &case);
        println!("{} calls, {} not comparable", verdict.calls, verdict.not_comparable);
        if let Some(difference) = &verdict.difference {
            println!("DIFFERENCE: {difference}");
        }
        verdict.difference.is_none()
    }
}

fn main_with_deep_stack() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.len() != 3 {
        eprintln!("usage: wplug-differential COUNT SEED FOLDER | --file FILE SEED");
        return ExitCode::from(2);
    }
    let run = Run {
        engines: Engines { plain: reference::new_engine(false), fuel: reference::new_engine(true) },
        simd: engine::has_simd(),
    };
    let number = |text: &String| text.parse().expect("a number");
    let good = if arguments[0] == "--file" {
        run.file(&arguments[1], number(&arguments[2]))
    } else {
        run.many(number(&arguments[0]), number(&arguments[1]), Path::new(&arguments[2]))
    };
    ExitCode::from(if good { 0 } else { 1 })
}

fn main() -> ExitCode {
    // wasmtime runs guests on this stack, as deep as they may go.
    thread::Builder::new().stack_size(128 << 20).spawn(main_with_deep_stack).unwrap().join().unwrap()
}

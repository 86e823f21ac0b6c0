//! One module on both sides, step by step.

use crate::engine::{self, End};
use crate::generate::{Case, Random, COUNTDOWN};
use crate::reference;
use wasmtime::{ExternRef, ExternType, FuncType, HeapType, Module, RefType, Val, ValType, V128};

/// What the engine may spend on one call. Modules that count down end long before.
const BUDGET: u64 = 300_000;
const BUDGET_COUNTDOWN: u64 = 40_000_000;
/// wasmtime charges about one unit an instruction as well.
const REFERENCE_FUEL: u64 = 1_000_000;
const SLICE: i64 = 7;
pub const TRAP_KINDS: usize = 16;
const MAX_CALLS: usize = 48;

pub struct Engines {
    pub plain: wasmtime::Engine,
    pub fuel: wasmtime::Engine,
}

#[derive(Default)]
pub struct Verdict {
    pub calls: u64,
    /// By the engine's number for their kind.
    pub traps: [u64; TRAP_KINDS],
    /// What the module needs; None where it does not load.
    pub features: Option<u32>,
    pub not_comparable: u64,
    pub difference: Option<String>,
}

struct Function {
    name: String,
    ty: FuncType,
}

struct Exports {
    functions: Vec<Function>,
    memories: Vec<String>,
    globals: Vec<String>,
    tables: Vec<String>,
}

fn exports(module: &Module) -> Exports {
    let mut found = Exports { functions: vec![], memories: vec![], globals: vec![], tables: vec![] };
    for export in module.exports() {
        let name = export.name().to_string();
        match export.ty() {
            ExternType::Func(ty) => found.functions.push(Function { name, ty }),
            ExternType::Memory(_) => found.memories.push(name),
            ExternType::Global(_) => found.globals.push(name),
            ExternType::Table(_) => found.tables.push(name),
            ExternType::Tag(_) => (),
        }
    }
    found
}

/// All sides of one module.
struct Sides<'a> {
    reference: reference::Side,
    whole: engine::Side<'a>,
    sliced: Option<engine::Side<'a>>,
}

fn number(random: &mut Random) -> u64 {
    match random.below(5) {
        0 => random.below(9),
        1 => (random.below(9) as i64).wrapping_neg() as u64,
        2 => 1 << random.below(64),
        3 => random.below(200_000),
        _ => random.next(),
    }
}

fn float(random: &mut Random) -> f64 {
    let special = [
        0.0,
        -0.0,
        1.0,
        -1.5,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        4294967295.0,
        -2147483649.0,
        1e300,
    ];
    match random.below(3) {
        0 => special[random.below(special.len() as u64) as usize],
        1 => random.below(1000) as f64 / 8.0 - 20.0,
        _ => f64::from_bits(random.next()),
    }
}

/// One argument, in the form of each side; the third is for the sliced one. None: no such value can be made here.
fn argument(
    ty: &ValType,
    random: &mut Random,
    functions: &[Function],
    sides: &mut Sides,
) -> Option<(Val, Vec<u64>, Vec<u64>)> {
    let value = match ty {
        ValType::I32 => Val::I32(number(random) as i32),
        ValType::I64 => Val::I64(number(random) as i64),
        ValType::F32 => Val::F32((float(random) as f32).to_bits()),
        ValType::F64 => Val::F64(float(random).to_bits()),
        ValType::V128 => Val::V128(V128::from((number(random) as u128) << 64 | number(random) as u128)),
        ValType::Ref(ty) => return reference_argument(ty, random, functions, sides),
    };
    let mut cells = Vec::new();
    reference::cells(&value, &mut cells);
    Some((value, cells.clone(), cells))
}

fn reference_argument(
    ty: &RefType,
    random: &mut Random,
    functions: &[Function],
    sides: &mut Sides,
) -> Option<(Val, Vec<u64>, Vec<u64>)> {
    let null = ty.is_nullable() && random.once_in(3);
    if !null && matches!(ty.heap_type(), HeapType::Extern) {
        let value = ExternRef::new(&mut sides.reference.store, 0u8).ok()?;
        return Some((Val::ExternRef(Some(value)), vec![0x77], vec![0x77]));
    }
    let fitting: Vec<&Function> = functions
        .iter()
        .filter(|function| match ty.heap_type() {
            HeapType::Func => true,
            HeapType::ConcreteFunc(wanted) => FuncType::eq(&function.ty, wanted),
            _ => false,
        })
        .collect();
    if !null && !fitting.is_empty() {
        let name = &fitting[random.below(fitting.len() as u64) as usize].name;
        let value = Val::FuncRef(Some(sides.reference.function(name)));
        let sliced = sides.sliced.as_ref().map_or(0, |side| side.function(name));
        return Some((value, vec![sides.whole.function(name)], vec![sliced]));
    }
    if ty.is_nullable() {
        Some((Val::null_ref(ty.heap_type()), vec![0], vec![0]))
    } else {
        None
    }
}

/// The engine's cells of values of these types made comparable: undefined halves cut off, references null or not.
fn normal(types: impl Iterator<Item = ValType>, cells: &[u64]) -> Vec<u64> {
    let mut out = Vec::new();
    let mut at = 0;
    for ty in types {
        match ty {
            ValType::I32 | ValType::F32 => out.push(cells[at] as u32 as u64),
            ValType::I64 | ValType::F64 => out.push(cells[at]),
            ValType::V128 => {
                out.push(cells[at]);
                at += 1;
                out.push(cells[at]);
            }
            ValType::Ref(_) => out.push((cells[at] != 0) as u64),
        }
        at += 1;
    }
    out
}

fn cell_count(types: impl Iterator<Item = ValType>) -> usize {
    types.map(|ty| if matches!(ty, ValType::V128) { 2 } else { 1 }).sum()
}

fn compare_memory(name: &str, reference: &[u8], ours: &[u8], who: &str) -> Option<String> {
    if reference == ours {
        return None;
    }
    if reference.len() != ours.len() {
        return Some(format!(
            "memory {name:?}: wasmtime has {} bytes, {who} {}",
            reference.len(),
            ours.len()
        ));
    }
    let at = (0..ours.len()).find(|&i| reference[i] != ours[i])?;
    let end = (at + 16).min(ours.len());
    Some(format!(
        "memory {name:?} at {at:#x}: wasmtime {:02x?}, {who} {:02x?}",
        &reference[at..end],
        &ours[at..end]
    ))
}

fn compare_state(
    exports: &Exports,
    reference: &mut reference::Side,
    ours: &engine::Side,
    who: &str,
) -> Option<String> {
    for name in &exports.memories {
        let difference = compare_memory(name, reference.memory(name), ours.memory(name), who);
        if difference.is_some() {
            return difference;
        }
    }
    for name in &exports.globals {
        let value = reference.global(name);
        let mut expected = Vec::new();
        reference::cells(&value, &mut expected);
        let ty = value.ty(&reference.store).unwrap();
        let found = normal(std::iter::once(ty), &ours.global(name));
        if expected != found {
            return Some(format!("global {name:?}: wasmtime {expected:x?}, {who} {found:x?}"));
        }
    }
    for name in &exports.tables {
        let (expected, found) = (reference.table_size(name), ours.table_size(name));
        if expected != found {
            return Some(format!("table {name:?}: wasmtime has {expected} elements, {who} {found}"));
        }
        for i in 0..expected {
            let (expected, found) = (reference.table_has(name, i), ours.table_has(name, i));
            if expected != found {
                return Some(format!("table {name:?} at {i}: wasmtime has one: {expected}, {who}: {found}"));
            }
        }
    }
    None
}

/// Whether a run ended in a way that says more about limits than about meaning.
fn is_limit(end: &End) -> bool {
    matches!(end, End::Spent | End::Trap(reference::STACK_EXHAUSTED))
}

/// What both sides said to the module: None where they agree that it is good.
fn compare_load(reference: bool, ours: &Result<engine::Module, engine::Refusal>) -> Option<String> {
    match ours {
        Ok(_) if reference => None,
        Ok(_) => Some("wasmtime refuses the module, the engine takes it".to_string()),
        Err(refusal) if reference => Some(format!("the engine refuses the module: {}", refusal.message)),
        Err(refusal)
            if matches!(
                refusal.status,
                engine::MALFORMED | engine::INVALID | engine::UNSUPPORTED | engine::LIMIT
            ) =>
        {
            None
        }
        Err(refusal) => Some(format!("the engine fails with status {}: {}", refusal.status, refusal.message)),
    }
}

/// wasmtime takes imports and exports of kind 0x20, functions of an exact type, although the proposal they belong to
/// (custom descriptors) is off and no part of WebAssembly 3.0, which has kinds 0 to 4.
fn is_exact_kind(refusal: &engine::Refusal) -> bool {
    refusal.status == engine::MALFORMED && refusal.message.ends_with("kind 0x20")
}

/// Damages a module here and there: both sides must agree about what is left.
pub fn compare_damaged(engines: &Engines, case: &Case) -> Option<(Vec<u8>, String)> {
    let mut random = Random(case.seed ^ 0xDA3A6E);
    for _ in 0..4 {
        let mut bytes = case.bytes.clone();
        for _ in 0..1 + random.below(3) {
            let at = 8 + random.below(bytes.len() as u64 - 8) as usize;
            bytes[at] = match random.below(3) {
                0 => bytes[at] ^ (1 << random.below(8)),
                1 => bytes[at].wrapping_add(1),
                _ => random.next() as u8,
            };
        }
        let reference = Module::validate(&engines.plain, &bytes);
        let ours = engine::Module::load(&bytes);
        if matches!(&ours, Err(refusal) if refusal.status == engine::UNSUPPORTED || is_exact_kind(refusal)) {
            continue; // features are told apart before anything else
        }
        if let Some(difference) = compare_load(reference.is_ok(), &ours) {
            return Some((bytes, format!("damaged: {difference}; wasmtime: {:?}", reference.err())));
        }
    }
    None
}

pub fn compare(engines: &Engines, case: &Case) -> Verdict {
    let mut verdict = Verdict::default();
    verdict.difference = run(engines, case, &mut verdict);
    verdict
}

fn run(engines: &Engines, case: &Case, verdict: &mut Verdict) -> Option<String> {
    let (engine, fuel, budget) = match case.countdown {
        Some(_) => (&engines.plain, None, BUDGET_COUNTDOWN),
        None => (&engines.fuel, Some(REFERENCE_FUEL), BUDGET),
    };
    let reference_module = Module::new(engine, &case.bytes);
    let module = engine::Module::load(&case.bytes);
    if let Some(difference) = compare_load(reference_module.is_ok(), &module) {
        return Some(format!("{difference}; wasmtime: {:?}", reference_module.err()));
    }
    let (Ok(reference_module), Ok(module)) = (reference_module, module) else { return None };
    verdict.features = Some(module.features());
    let exports = exports(&reference_module);

    let (reference, expected) = reference::Side::open(engine, &reference_module, fuel);
    let (whole, found, spent) = engine::Side::open(&module, 0, budget);
    if is_limit(&expected) || is_limit(&found) {
        verdict.not_comparable += 1;
        return None;
    }
    if reference::fold(found.clone()) != expected {
        return Some(format!("instantiation: wasmtime {expected:?}, the engine {found:?}"));
    }
    let mut sliced = None;
    if case.sliced {
        let (side, found_sliced, spent_sliced) = engine::Side::open(&module, SLICE, budget);
        if found_sliced != found || spent_sliced != spent {
            return Some(format!(
                "instantiation: {found:?} with {spent}, in slices {found_sliced:?} with {spent_sliced}"
            ));
        }
        sliced = side;
    }
    let (Some(reference), Some(whole)) = (reference, whole) else { return None };
    let mut sides = Sides { reference, whole, sliced };
    if let Some(difference) = compare_all_state(&exports, &mut sides) {
        return Some(format!("after instantiation: {difference}"));
    }

    let mut random = Random(case.seed ^ 0xA46);
    let mut calls = 0;
    for round in 0..4 {
        for function in &exports.functions {
            if calls == MAX_CALLS {
                return None;
            }
            calls += 1;
            let before = verdict.not_comparable;
            let difference = call(case, &exports, &mut sides, function, &mut random, fuel, budget, verdict);
            if let Some(difference) = difference {
                return Some(format!("round {round}, function {:?}: {difference}", function.name));
            }
            if verdict.not_comparable != before {
                return None; // from here on the states differ
            }
        }
    }
    None
}

fn compare_all_state(exports: &Exports, sides: &mut Sides) -> Option<String> {
    let difference = compare_state(exports, &mut sides.reference, &sides.whole, "the engine");
    if difference.is_some() {
        return difference;
    }
    match &sides.sliced {
        Some(sliced) => compare_state(exports, &mut sides.reference, sliced, "the engine in slices"),
        None => None,
    }
}

fn set_countdown(case: &Case, exports: &Exports, sides: &mut Sides) {
    let Some(start) = case.countdown else { return };
    if exports.globals.iter().any(|name| name == COUNTDOWN) {
        sides.reference.set_global(COUNTDOWN, Val::I32(start as i32));
        sides.whole.set_global(COUNTDOWN, [start as u64, 0]);
        if let Some(sliced) = &mut sides.sliced {
            sliced.set_global(COUNTDOWN, [start as u64, 0]);
        }
    }
}

#[allow(clippy::too_many_arguments)]
fn call(
    case: &Case,
    exports: &Exports,
    sides: &mut Sides,
    function: &Function,
    random: &mut Random,
    fuel: Option<u64>,
    budget: u64,
    verdict: &mut Verdict,
) -> Option<String> {
    let (mut values, mut cells, mut cells_sliced) = (vec![], vec![], vec![]);
    for ty in function.ty.params() {
        let (value, ours, sliced) = argument(&ty, random, &exports.functions, sides)?;
        values.push(value);
        cells.extend(ours);
        cells_sliced.extend(sliced);
    }
    set_countdown(case, exports, sides);
    verdict.calls += 1;

    let mut expected_values = vec![Val::I32(0); function.ty.results().len()];
    let expected = sides.reference.call(&function.name, &values, &mut expected_values, fuel);
    let mut found_cells = vec![0; cell_count(function.ty.results())];
    let (found, spent) = sides.whole.call(&function.name, &cells, &mut found_cells, budget);
    if is_limit(&expected) || is_limit(&found) {
        verdict.not_comparable += 1;
        return None;
    }
    if let End::Trap(kind) = found {
        verdict.traps[kind as usize % TRAP_KINDS] += 1;
    }
    let with = || format!("with {values:?}");
    if reference::fold(found.clone()) != expected {
        return Some(format!("{}: wasmtime {expected:?}, the engine {found:?}", with()));
    }
    if let Some(sliced) = &mut sides.sliced {
        let mut sliced_cells = vec![0; found_cells.len()];
        let (ending, fuel) = sliced.call(&function.name, &cells_sliced, &mut sliced_cells, budget);
        if (&ending, fuel) != (&found, spent) {
            return Some(format!(
                "{}: {found:?} with {spent} units, in slices {ending:?} with {fuel}",
                with()
            ));
        }
        let whole = normal(function.ty.results(), &found_cells);
        let sliced = normal(function.ty.results(), &sliced_cells);
        if whole != sliced {
            return Some(format!("{}: {whole:x?}, in slices {sliced:x?}", with()));
        }
    }
    if expected == End::Done {
        let mut expected_cells = Vec::new();
        expected_values.iter().for_each(|value| reference::cells(value, &mut expected_cells));
        let found_cells = normal(function.ty.results(), &found_cells);
        if expected_cells != found_cells {
            return Some(format!("{}: wasmtime {expected_cells:x?}, the engine {found_cells:x?}", with()));
        }
    }
    compare_all_state(exports, sides).map(|difference| format!("{}: {difference}", with()))
}

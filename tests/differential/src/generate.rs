//! Modules made from a seed, and the choices that go with them.

use crate::engine;
use crate::typed;
use arbitrary::Unstructured;
use wasm_smith::{Config, InstructionKind, InstructionKinds, MemoryOffsetChoices};

/// Numbers that only depend on where they start (splitmix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// True once in `n` times.
    pub fn once_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// One module and how to run it.
pub struct Case {
    pub seed: u64,
    pub bytes: Vec<u8>,
    /// Ends by itself: it counts down this exported global (set to `countdown` before each call). Else both sides get
    /// fuel.
    pub countdown: Option<u32>,
    /// The module itself makes all NaNs one.
    pub canonical: bool,
    /// Run by the engine a second time, in slices.
    pub sliced: bool,
}

/// The name under which the global is exported.
pub const COUNTDOWN: &str = "\u{1}countdown";

/// Ways to make a smaller module from the same seed.
#[derive(Clone, Copy)]
pub struct Shrink {
    pub random_bytes: usize,
    pub functions: usize,
    pub instructions: usize,
}

impl Shrink {
    pub const NONE: Shrink =
        Shrink { random_bytes: usize::MAX, functions: usize::MAX, instructions: usize::MAX };
}

fn config(random: &mut Random, simd: bool, canonical: bool, shrink: Shrink) -> Config {
    let mut config = Config::default();
    config.export_everything = true;
    config.max_funcs = (1 + random.below(14) as usize).min(shrink.functions);
    config.min_funcs = config.max_funcs / 2 + 1;
    config.min_types = 2 + random.below(5) as usize;
    config.min_globals = random.below(5) as usize;
    config.min_tables = random.below(2) as u32;
    config.min_memories = random.below(3).min(1) as u32;
    config.min_tags = random.below(2) as usize;
    config.min_element_segments = random.below(3) as usize;
    config.min_data_segments = random.below(2) as usize;
    config.max_instructions = ([12, 40, 120, 400][random.below(4) as usize]).min(shrink.instructions);
    config.max_types = 12;
    config.max_globals = 8;
    config.max_tables = 1 + random.below(3) as usize;
    config.max_memories = 1 + random.below(3) as usize;
    config.max_memory32_bytes = 3 << 16;
    config.max_memory64_bytes = 3 << 16;
    config.max_table_elements = 40;
    config.memory_max_size_required = true;
    config.table_max_size_required = true;
    config.max_elements = 12;
    config.max_element_segments = 6;
    config.max_data_segments = 6;
    config.max_tags = 4;
    config.max_imports = if random.once_in(2) { 6 } else { 0 };
    config.min_uleb_size = if random.once_in(8) { 1 + random.below(5) as u8 } else { 1 };
    config.canonicalize_nans = canonical;
    config.disallow_traps = !random.once_in(4);
    config.allow_floats = !random.once_in(4);
    config.memory_offset_choices = MemoryOffsetChoices(90, 8, 2);
    config.generate_custom_sections = random.once_in(20);
    config.simd_enabled = simd && !random.once_in(3);
    config.relaxed_simd_enabled = false;
    config.gc_enabled = false;
    config.threads_enabled = false;
    config.compact_imports_enabled = false;
    config.custom_page_sizes_enabled = false;
    config.wide_arithmetic_enabled = false;
    config.shared_everything_threads_enabled = false;
    config.memory64_enabled = random.once_in(2);
    config.exceptions_enabled = random.once_in(2);
    config.tail_call_enabled = random.once_in(2);
    // Now and then few kinds of instructions, so that these meet each other more often.
    if random.once_in(3) {
        let all = [
            InstructionKind::Numeric,
            InstructionKind::Vector,
            InstructionKind::Reference,
            InstructionKind::Table,
            InstructionKind::Memory,
            InstructionKind::Control,
        ];
        let mut kinds = vec![InstructionKind::Parametric, InstructionKind::Variable];
        for kind in all {
            if !random.once_in(3) {
                kinds.push(kind);
            }
        }
        config.allowed_instructions = InstructionKinds::new(&kinds);
    }
    config
}

fn attempt(seed: u64, inner: u64, simd: bool, canonical: bool, shrink: Shrink) -> Option<Case> {
    let mut random = Random(seed ^ inner.wrapping_mul(0x5851_F42D_4C95_7F2D));
    let config = config(&mut random, simd, canonical, shrink);
    let countdown = if random.once_in(10) { None } else { Some([100, 1000, 4000][random.below(3) as usize]) };
    let size = 10_000 + random.below(50_000) as usize;
    let mut data: Vec<u8> = Vec::with_capacity(size + 8);
    while data.len() < size {
        data.extend_from_slice(&random.next().to_le_bytes());
    }
    data.truncate(shrink.random_bytes);
    let mut module = wasm_smith::Module::new(config, &mut Unstructured::new(&data)).ok()?;
    let mut bytes;
    if let Some(start) = countdown {
        let global = module.ensure_termination(start).ok()?;
        bytes = module.to_bytes();
        export_global(&mut bytes, COUNTDOWN, global);
    } else {
        bytes = module.to_bytes();
    }
    if seed % 4 == 1 {
        bytes = typed::with_typed_calls(&bytes, seed)?;
    }
    Some(Case { seed, bytes, countdown, canonical, sliced: seed % 3 == 0 })
}

/// The module of a seed. None where wasm-smith could not make one that both sides can be asked about.
pub fn generate(seed: u64, simd: bool, canonical: bool, shrink: Shrink) -> Option<Case> {
    (0..60).filter_map(|inner| attempt(seed, inner, simd, canonical, shrink)).find(|case| {
        match engine::Module::load(&case.bytes) {
            Err(refusal) => refusal.status != engine::UNSUPPORTED,
            Ok(_) => !imports_a_tag(&case.bytes),
        }
    })
}

/// Whether this seed's module makes all NaNs one itself. The engines do so for the others, but for what wasmtime forgets.
pub fn is_canonical(seed: u64) -> bool {
    seed % 5 == 2
}

fn read_number(bytes: &[u8], at: &mut usize) -> usize {
    let mut number = 0;
    let mut shift = 0;
    loop {
        let byte = bytes[*at];
        *at += 1;
        number |= ((byte & 0x7F) as usize) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return number;
        }
    }
}

fn write_number(out: &mut Vec<u8>, mut number: usize) {
    while number > 0x7F {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Adds an export of a global to a module.
fn export_global(bytes: &mut Vec<u8>, name: &str, index: u32) {
    let mut entry = Vec::new();
    write_number(&mut entry, name.len());
    entry.extend_from_slice(name.as_bytes());
    entry.push(3);
    write_number(&mut entry, index as usize);

    let mut at = 8;
    while at < bytes.len() {
        let start = at;
        let id = bytes[at];
        at += 1;
        let size = read_number(bytes, &mut at);
        let end = at + size;
        let earlier = id == 0 || id < 7 || id == 13;
        if !earlier {
            let mut body = Vec::new();
            let mut replaced = start;
            if id == 7 {
                let count = read_number(bytes, &mut at);
                write_number(&mut body, count + 1);
                body.extend_from_slice(&bytes[at..end]);
                replaced = end;
            } else {
                body.push(1);
            }
            body.extend_from_slice(&entry);
            let mut section = vec![7];
            write_number(&mut section, body.len());
            section.extend_from_slice(&body);
            bytes.splice(start..replaced, section);
            return;
        }
        at = end;
    }
}

/// The engine's interface offers tags to no import.
fn imports_a_tag(bytes: &[u8]) -> bool {
    let mut at = 8;
    while at < bytes.len() {
        let id = bytes[at];
        at += 1;
        let size = read_number(bytes, &mut at);
        if id == 2 {
            return section_imports_a_tag(bytes, at);
        }
        at += size;
    }
    false
}

fn section_imports_a_tag(bytes: &[u8], mut at: usize) -> bool {
    for _ in 0..read_number(bytes, &mut at) {
        for _ in 0..2 {
            let length = read_number(bytes, &mut at);
            at += length;
        }
        let kind = bytes[at];
        at += 1;
        match kind {
            0 => drop(read_number(bytes, &mut at)),
            1 | 2 => {
                at += usize::from(kind == 1);
                let flags = bytes[at];
                at += 1;
                for _ in 0..1 + (flags & 1) {
                    read_number(bytes, &mut at);
                }
            }
            3 => at += 2,
            _ => return true,
        }
    }
    false
}

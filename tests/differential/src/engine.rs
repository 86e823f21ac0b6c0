//! The engine under test, through engine_side.c.

use std::ffi::{c_char, CStr};
use std::marker::PhantomData;
use std::ptr;

/// base_status
pub const MALFORMED: u32 = 2;
pub const INVALID: u32 = 3;
pub const UNSUPPORTED: u32 = 4;
pub const LIMIT: u32 = 6;

pub const FEATURE_SIMD: u32 = 1 << 7;
const FEATURES: u32 = !(1 << 8); // no relaxed SIMD: its results are free to differ

#[repr(C)]
struct RawModule {
    _private: [u8; 0],
}
#[repr(C)]
struct RawSide {
    _private: [u8; 0],
}
#[repr(C)]
struct RawEnd {
    kind: u32,
    trap: u32,
    fuel: u64,
    message: [c_char; 256],
}

extern "C" {
    fn side_features() -> u32;
    fn side_load(
        bytes: *const u8,
        size: usize,
        features: u32,
        out: *mut *mut RawModule,
        message: *mut c_char,
    ) -> u32;
    fn side_unload(module: *mut RawModule);
    fn side_features_used(module: *const RawModule) -> u32;
    fn side_feature_name(feature: u32) -> *const c_char;
    fn side_trap_text(trap: u32) -> *const c_char;
    fn side_answer(import: u64, call: u64, words: *const u64, count: usize, result: u32, bits: u32) -> u64;
    fn side_answer_traps(import: u64, call: u64, words: *const u64, count: usize) -> bool;
    fn side_open(module: *mut RawModule, slice: i64, budget: u64, end: *mut RawEnd) -> *mut RawSide;
    fn side_close(side: *mut RawSide);
    fn side_call(
        side: *mut RawSide,
        name: *const u8,
        size: usize,
        arguments: *const u64,
        results: *mut u64,
        budget: u64,
        end: *mut RawEnd,
    );
    fn side_function(side: *mut RawSide, name: *const u8, size: usize) -> u64;
    fn side_memory(side: *mut RawSide, name: *const u8, size: usize, length: *mut u64) -> *const u8;
    fn side_global_get(side: *mut RawSide, name: *const u8, size: usize, cells: *mut u64) -> bool;
    fn side_global_set(side: *mut RawSide, name: *const u8, size: usize, cells: *const u64) -> bool;
    fn side_table_size(side: *mut RawSide, name: *const u8, size: usize) -> u64;
    fn side_table_has(side: *mut RawSide, name: *const u8, size: usize, index: u64) -> bool;
}

pub fn has_simd() -> bool {
    unsafe { side_features() & FEATURE_SIMD != 0 }
}

/// The proposal's name.
pub fn feature_name(feature: u32) -> String {
    unsafe { CStr::from_ptr(side_feature_name(feature)).to_string_lossy().into_owned() }
}

pub fn trap_text(trap: u32) -> String {
    unsafe { CStr::from_ptr(side_trap_text(trap)).to_string_lossy().into_owned() }
}

/// What a host function answers to a call, on both sides.
pub fn answer(import: u64, call: u64, words: &[u64], result: u32, bits: u32) -> u64 {
    unsafe { side_answer(import, call, words.as_ptr(), words.len(), result, bits) }
}

pub fn answer_traps(import: u64, call: u64, words: &[u64]) -> bool {
    unsafe { side_answer_traps(import, call, words.as_ptr(), words.len()) }
}

fn text(message: &[c_char]) -> String {
    message.iter().take_while(|&&c| c != 0).map(|&c| c as u8 as char).collect()
}

/// How a run ended. Kinds of traps have the engine's numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    Done,
    Trap(u32),
    /// Out of fuel.
    Spent,
    /// Not even begun.
    Refused(String),
}

pub struct Refusal {
    pub status: u32,
    pub message: String,
}

pub struct Module(*mut RawModule);

impl Module {
    pub fn load(bytes: &[u8]) -> Result<Module, Refusal> {
        let mut module = ptr::null_mut();
        let mut message = [0; 512];
        let status =
            unsafe { side_load(bytes.as_ptr(), bytes.len(), FEATURES, &mut module, message.as_mut_ptr()) };
        if status == 0 {
            Ok(Module(module))
        } else {
            Err(Refusal { status, message: text(&message) })
        }
    }
}

impl Module {
    /// The set of features the module needs.
    pub fn features(&self) -> u32 {
        unsafe { side_features_used(self.0) }
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        unsafe { side_unload(self.0) }
    }
}

pub struct Side<'a> {
    raw: *mut RawSide,
    module: PhantomData<&'a Module>,
}

impl Drop for Side<'_> {
    fn drop(&mut self) {
        unsafe { side_close(self.raw) }
    }
}

fn end_of(raw: &RawEnd) -> End {
    match raw.kind {
        0 => End::Done,
        1 => End::Trap(raw.trap),
        2 => End::Spent,
        _ => End::Refused(text(&raw.message)),
    }
}

impl<'a> Side<'a> {
    /// Instantiates and runs the start function. Also tells the fuel that took.
    pub fn open(module: &'a Module, slice: i64, budget: u64) -> (Option<Side<'a>>, End, u64) {
        let mut end = RawEnd { kind: 0, trap: 0, fuel: 0, message: [0; 256] };
        let raw = unsafe { side_open(module.0, slice, budget, &mut end) };
        let side = if raw.is_null() { None } else { Some(Side { raw, module: PhantomData }) };
        (side, end_of(&end), end.fuel)
    }

    pub fn call(&mut self, name: &str, arguments: &[u64], results: &mut [u64], budget: u64) -> (End, u64) {
        let mut end = RawEnd { kind: 0, trap: 0, fuel: 0, message: [0; 256] };
        unsafe {
            let (arguments, results) = (arguments.as_ptr(), results.as_mut_ptr());
            side_call(self.raw, name.as_ptr(), name.len(), arguments, results, budget, &mut end);
        }
        (end_of(&end), end.fuel)
    }

    /// The token of an exported function.
    pub fn function(&self, name: &str) -> u64 {
        unsafe { side_function(self.raw, name.as_ptr(), name.len()) }
    }

    pub fn memory(&self, name: &str) -> &[u8] {
        let mut length = 0;
        unsafe {
            let data = side_memory(self.raw, name.as_ptr(), name.len(), &mut length);
            if data.is_null() {
                &[]
            } else {
                std::slice::from_raw_parts(data, length as usize)
            }
        }
    }

    pub fn global(&self, name: &str) -> [u64; 2] {
        let mut cells = [0; 2];
        assert!(unsafe { side_global_get(self.raw, name.as_ptr(), name.len(), cells.as_mut_ptr()) });
        cells
    }

    pub fn set_global(&mut self, name: &str, cells: [u64; 2]) {
        assert!(unsafe { side_global_set(self.raw, name.as_ptr(), name.len(), cells.as_ptr()) });
    }

    pub fn table_size(&self, name: &str) -> u64 {
        unsafe { side_table_size(self.raw, name.as_ptr(), name.len()) }
    }

    /// Whether an entry is not null.
    pub fn table_has(&self, name: &str, index: u64) -> bool {
        unsafe { side_table_has(self.raw, name.as_ptr(), name.len(), index) }
    }
}

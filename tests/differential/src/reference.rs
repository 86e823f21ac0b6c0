//! The independent engine: wasmtime.

use crate::engine::{self, End};
use wasmtime::*;

/// Raised by the host functions, and by nothing else.
#[derive(Debug)]
struct HostTrap;
impl std::fmt::Display for HostTrap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the host says no")
    }
}
impl std::error::Error for HostTrap {}

/// How often host functions were called.
pub type Calls = u64;

pub fn new_engine(fuel: bool) -> Engine {
    let mut config = Config::new();
    config.consume_fuel(fuel);
    config.max_wasm_stack(2 << 20);
    config.cranelift_opt_level(OptLevel::None);
    // As our engine does it by itself.
    config.cranelift_nan_canonicalization(true);
    config.memory_reservation(0).memory_guard_size(0).memory_reservation_for_growth(0);
    config.gc_heap_reservation(0).gc_heap_guard_size(0).gc_heap_reservation_for_growth(0);
    config.memory_init_cow(false);
    config.collector(Collector::Null);
    config.wasm_simd(true);
    config.wasm_relaxed_simd(false);
    config.wasm_tail_call(true);
    config.wasm_multi_memory(true);
    config.wasm_memory64(true);
    config.wasm_extended_const(true);
    config.wasm_exceptions(true);
    config.wasm_function_references(true);
    // Part of WebAssembly 3.0 that the engine has counts as this: the bottom types, initial values taken from globals.
    config.wasm_gc(true);
    Engine::new(&config).expect("wasmtime's configuration")
}

/// The cells of a value as the engine would hold them; references are only null (0) or not (1).
pub fn cells(value: &Val, out: &mut Vec<u64>) {
    match value {
        Val::I32(x) => out.push(*x as u32 as u64),
        Val::I64(x) => out.push(*x as u64),
        Val::F32(x) => out.push(*x as u64),
        Val::F64(x) => out.push(*x),
        Val::V128(x) => {
            out.push(x.as_u128() as u64);
            out.push((x.as_u128() >> 64) as u64);
        }
        Val::FuncRef(x) => out.push(x.is_some() as u64),
        Val::ExternRef(x) => out.push(x.is_some() as u64),
        Val::ExnRef(x) => out.push(x.is_some() as u64),
        Val::AnyRef(x) => out.push(x.is_some() as u64),
        Val::ContRef(x) => out.push(x.is_some() as u64),
    }
}

fn answer(ty: &ValType, import: u64, call: u64, words: &[u64], result: u32) -> Val {
    let number = |bits| engine::answer(import, call, words, result, bits);
    match ty {
        ValType::I32 => Val::I32(number(32) as i32),
        ValType::I64 => Val::I64(number(64) as i64),
        ValType::F32 => Val::F32(number(32) as u32),
        ValType::F64 => Val::F64(number(64)),
        ValType::V128 => {
            let high = engine::answer(import, call, words, result + 1000, 64);
            Val::V128(V128::from((high as u128) << 64 | number(64) as u128))
        }
        ValType::Ref(ty) => Val::null_ref(ty.heap_type()),
    }
}

fn host_function(store: &mut Store<Calls>, import: u64, ty: FuncType) -> Func {
    let results_types: Vec<ValType> = ty.results().collect();
    Func::new(store, ty, move |mut caller, arguments, results| {
        let call = *caller.data();
        *caller.data_mut() += 1;
        let mut words = Vec::new();
        arguments.iter().for_each(|argument| cells(argument, &mut words));
        if engine::answer_traps(import, call, &words) {
            return Err(Error::from(HostTrap));
        }
        for (i, ty) in results_types.iter().enumerate() {
            results[i] = answer(ty, import, call, &words, i as u32);
        }
        Ok(())
    })
}

fn import(store: &mut Store<Calls>, index: u64, ty: ExternType) -> Result<Extern> {
    Ok(match ty {
        ExternType::Func(ty) => host_function(store, index, ty).into(),
        ExternType::Memory(ty) => Memory::new(&mut *store, ty)?.into(),
        ExternType::Table(ty) => {
            let null = Ref::null(ty.element().heap_type());
            Table::new(&mut *store, ty, null)?.into()
        }
        ExternType::Global(ty) => {
            let value = answer(ty.content(), index, 0, &[], 0);
            Global::new(&mut *store, ty, value)?.into()
        }
        ExternType::Tag(ty) => Tag::new(&mut *store, &ty)?.into(),
    })
}

/// The engine's number for a trap; its kinds that wasmtime has under one name count as one (see `fold`).
fn trap_number(trap: Trap) -> u32 {
    match trap {
        Trap::UnreachableCodeReached => 1,
        Trap::MemoryOutOfBounds => 2,
        Trap::TableOutOfBounds => 3,
        Trap::IndirectCallToNull => 5,
        Trap::BadSignature => 6,
        Trap::IntegerDivisionByZero => 7,
        Trap::IntegerOverflow => 8,
        Trap::BadConversionToInteger => 9,
        Trap::StackOverflow => STACK_EXHAUSTED,
        Trap::NullReference => 11,
        _ => 1000,
    }
}

pub const STACK_EXHAUSTED: u32 = 10;
const UNCAUGHT_EXCEPTION: u32 = 13;
const HOST: u32 = 15;

/// An end in which the engine's kinds of traps are those that wasmtime tells apart.
pub fn fold(end: End) -> End {
    match end {
        End::Trap(4) => End::Trap(3),
        End::Trap(12) => End::Trap(11),
        other => other,
    }
}

fn end_of(store: &mut Store<Calls>, error: Error) -> End {
    if let Some(trap) = error.downcast_ref::<Trap>() {
        if *trap == Trap::OutOfFuel {
            return End::Spent;
        }
        return End::Trap(trap_number(*trap));
    }
    if error.is::<ThrownException>() {
        store.take_pending_exception();
        return End::Trap(UNCAUGHT_EXCEPTION);
    }
    if error.is::<HostTrap>() {
        return End::Trap(HOST);
    }
    End::Refused(format!("{error:?}"))
}

pub struct Side {
    pub store: Store<Calls>,
    instance: Instance,
}

impl Side {
    /// Instantiates and runs the start function. `fuel` is None where the engine does not count it.
    pub fn open(engine: &Engine, module: &Module, fuel: Option<u64>) -> (Option<Side>, End) {
        let mut store = Store::new(engine, 0);
        if let Some(fuel) = fuel {
            store.set_fuel(fuel).unwrap();
        }
        let mut imports = Vec::new();
        for (index, wanted) in module.imports().enumerate() {
            match import(&mut store, index as u64, wanted.ty()) {
                Ok(found) => imports.push(found),
                Err(error) => return (None, End::Refused(format!("import {index}: {error:?}"))),
            }
        }
        match Instance::new(&mut store, module, &imports) {
            Ok(instance) => (Some(Side { store, instance }), End::Done),
            Err(error) => {
                let end = end_of(&mut store, error);
                (None, end)
            }
        }
    }

    pub fn call(&mut self, name: &str, arguments: &[Val], results: &mut [Val], fuel: Option<u64>) -> End {
        if let Some(fuel) = fuel {
            self.store.set_fuel(fuel).unwrap();
        }
        let function = self.function(name);
        match function.call(&mut self.store, arguments, results) {
            Ok(()) => End::Done,
            Err(error) => end_of(&mut self.store, error),
        }
    }

    pub fn function(&mut self, name: &str) -> Func {
        self.instance.get_func(&mut self.store, name).unwrap()
    }

    pub fn memory(&mut self, name: &str) -> &[u8] {
        let memory = self.instance.get_memory(&mut self.store, name).unwrap();
        memory.data(&self.store)
    }

    pub fn global(&mut self, name: &str) -> Val {
        let global = self.instance.get_global(&mut self.store, name).unwrap();
        global.get(&mut self.store)
    }

    pub fn set_global(&mut self, name: &str, value: Val) {
        let global = self.instance.get_global(&mut self.store, name).unwrap();
        global.set(&mut self.store, value).unwrap();
    }

    pub fn table_size(&mut self, name: &str) -> u64 {
        let table = self.instance.get_table(&mut self.store, name).unwrap();
        table.size(&self.store)
    }

    /// Whether an entry is not null.
    pub fn table_has(&mut self, name: &str, index: u64) -> bool {
        let table = self.instance.get_table(&mut self.store, name).unwrap();
        !table.get(&mut self.store, index).unwrap().is_null()
    }
}

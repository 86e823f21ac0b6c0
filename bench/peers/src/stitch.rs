//! makepad-stitch. Functions are validated while loading and compiled at their first call.

use std::cell::Cell;

use makepad_stitch::{Engine, Error, Func, FuncError, Instance, Linker, Mem, Module, Store, Val};

use crate::peer::{Failure, Loaded, Peer, Running};
use crate::preview1::{self, Answer, Import};

struct Stitch(Engine);

struct Ready {
    module: Module,
    engine: Engine,
}

struct Started {
    store: Store,
    instance: Instance,
}

pub fn peer() -> Box<dyn Peer> {
    Box::new(Stitch(Engine::new()))
}

/// The engine's own texts say only what kind of error it is.
fn reason(error: Error) -> String {
    format!("{error:?}")
}

thread_local! {
    /// The memory of the instance, which there is only after its imports were made. Host functions must be
    /// Send, which this handle is not, so they cannot hold it.
    static MEMORY: Cell<Option<Mem>> = const { Cell::new(None) };
}

/// Makes a host function; its type is that of the closure.
fn import(store: &mut Store, import: Import) -> Func {
    macro_rules! host {
        ($($name:ident: $type:ty),*) => {
            Func::wrap(store, move |store: &mut Store, $($name: $type),*| {
                answer(store, &import, &[$($name as u64),*])
            })
        };
    }
    match import.params {
        "" => host!(),
        // proc_exit: the only one without a result.
        "i" if !import.has_result() => Func::wrap(store, move |store: &mut Store, a: i32| {
            answer(store, &import, &[a as u64]).map(|_| ())
        }),
        "i" => host!(a: i32),
        "ii" => host!(a: i32, b: i32),
        "iI" => host!(a: i32, b: i64),
        "iii" => host!(a: i32, b: i32, c: i32),
        "iII" => host!(a: i32, b: i64, c: i64),
        "iIi" => host!(a: i32, b: i64, c: i32),
        "iiii" => host!(a: i32, b: i32, c: i32, d: i32),
        "iIii" => host!(a: i32, b: i64, c: i32, d: i32),
        "iIIi" => host!(a: i32, b: i64, c: i64, d: i32),
        "iiiii" => host!(a: i32, b: i32, c: i32, d: i32, e: i32),
        "iiiIi" => host!(a: i32, b: i32, c: i32, d: i64, e: i32),
        "iiiiii" => host!(a: i32, b: i32, c: i32, d: i32, e: i32, f: i32),
        "iiiiiii" => host!(a: i32, b: i32, c: i32, d: i32, e: i32, f: i32, g: i32),
        "iiiiIIi" => host!(a: i32, b: i32, c: i32, d: i32, e: i64, f: i64, g: i32),
        "iiiiiIIii" => host!(a: i32, b: i32, c: i32, d: i32, e: i32, f: i64, g: i64, h: i32, i: i32),
        other => unreachable!("a new signature in preview1.def: {other}"),
    }
}

fn answer(store: &mut Store, import: &Import, args: &[u64]) -> Result<(i32,), Error> {
    let mut bytes: &mut [u8] = match MEMORY.get() {
        Some(memory) => memory.bytes_mut(store),
        None => &mut [],
    };
    match (import.function)(&mut bytes, args) {
        Answer::Errno(errno) => Ok((errno as i32,)),
        // Its traps cannot be made from outside; any error ends the run.
        Answer::Exit => Err(Error::Func(FuncError::ParamCountMismatch)),
    }
}

impl Peer for Stitch {
    fn load(&self, bytes: &[u8]) -> Result<Box<dyn Loaded>, Failure> {
        let module =
            Module::new(&self.0, bytes).map_err(|error| Failure::unsupported(format!("{error:?}")))?;
        Ok(Box::new(Ready { module, engine: self.0.clone() }))
    }
}

impl Loaded for Ready {
    fn instantiate(self: Box<Self>) -> Result<Box<dyn Running>, Failure> {
        let mut store = Store::new(self.engine);
        let mut linker = Linker::new();
        for entry in preview1::imports() {
            let function = import(&mut store, entry);
            linker.define(preview1::MODULE, entry.name, function);
        }
        let instance = linker
            .instantiate(&mut store, &self.module)
            .map_err(|error| Failure::unsupported(reason(error)))?;
        MEMORY.set(instance.exported_mem("memory"));
        Ok(Box::new(Started { store, instance }))
    }
}

impl Running for Started {
    fn call(&mut self, name: &str) -> Result<bool, Failure> {
        let Some(function) = self.instance.exported_func(name) else { return Ok(false) };
        function.call(&mut self.store, &[], &mut []).map_err(|error| Failure::failed(reason(error)))?;
        Ok(true)
    }

    fn run(&mut self, rounds: i32) -> Result<i32, Failure> {
        let function = self
            .instance
            .exported_func("run")
            .ok_or_else(|| Failure::failed("there is no export \"run\""))?;
        let mut results = [Val::I32(0)];
        function
            .call(&mut self.store, &[Val::I32(rounds)], &mut results)
            .map_err(|error| Failure::failed(reason(error)))?;
        results[0].to_i32().ok_or_else(|| Failure::failed("the result of \"run\" is no i32"))
    }
}

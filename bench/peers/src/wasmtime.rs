//! wasmtime twice: with Pulley, its interpreter of portable code, and compiling for the processor, as a
//! reference for what an interpreter cannot reach. Both compile a module whole while loading, on one thread.

use std::sync::Arc;

use wasmtime::{
    Caller, Config, Engine, Extern, FuncType, Instance, Linker, Module, Store, TypedFunc, Val, ValType,
};

use crate::peer::{Failure, Loaded, Peer, Running};
use crate::preview1::{self, Answer};

struct Wasmtime {
    engine: Engine,
    linker: Arc<Linker<()>>,
}

struct Ready {
    module: Module,
    linker: Arc<Linker<()>>,
}

struct Started {
    store: Store<()>,
    instance: Instance,
    run: Option<TypedFunc<i32, i32>>,
}

pub fn peer(pulley: bool) -> Box<dyn Peer> {
    let mut config = Config::new();
    if pulley {
        config.target("pulley64").expect("the feature pulley is on");
    }
    let engine = Engine::new(&config).expect("a configuration that works on each machine");
    let linker = Arc::new(linker(&engine));
    Box::new(Wasmtime { engine, linker })
}

fn linker(engine: &Engine) -> Linker<()> {
    let mut linker = Linker::new(engine);
    for import in preview1::imports() {
        let params = import.params.chars().map(|letter| match letter {
            'i' => ValType::I32,
            _ => ValType::I64,
        });
        let results = import.has_result().then_some(ValType::I32);
        let ty = FuncType::new(engine, params, results);
        let function = move |mut caller: Caller<'_, ()>, params: &[Val], results: &mut [Val]| {
            let mut args = [0; 9];
            for (arg, param) in args.iter_mut().zip(params) {
                *arg = match param {
                    Val::I32(value) => *value as u32 as u64,
                    Val::I64(value) => *value as u64,
                    _ => unreachable!(),
                };
            }
            let memory = caller.get_export("memory").and_then(Extern::into_memory);
            let mut bytes: &mut [u8] = match &memory {
                Some(memory) => memory.data_mut(&mut caller),
                None => &mut [],
            };
            match (import.function)(&mut bytes, &args) {
                Answer::Errno(errno) => results[0] = Val::I32(errno as i32),
                Answer::Exit => return Err(wasmtime::Error::msg("exit")),
            }
            Ok(())
        };
        linker.func_new(preview1::MODULE, import.name, ty, function).expect("each name is defined once");
    }
    linker
}

/// With all its causes.
fn reason(error: wasmtime::Error) -> String {
    format!("{error:#}")
}

impl Peer for Wasmtime {
    fn load(&self, bytes: &[u8]) -> Result<Box<dyn Loaded>, Failure> {
        let module = Module::new(&self.engine, bytes).map_err(|error| Failure::unsupported(reason(error)))?;
        Ok(Box::new(Ready { module, linker: Arc::clone(&self.linker) }))
    }
}

impl Loaded for Ready {
    fn instantiate(self: Box<Self>) -> Result<Box<dyn Running>, Failure> {
        let mut store = Store::new(self.module.engine(), ());
        let instance = self
            .linker
            .instantiate(&mut store, &self.module)
            .map_err(|error| Failure::unsupported(reason(error)))?;
        let run = instance.get_typed_func(&mut store, "run").ok();
        Ok(Box::new(Started { store, instance, run }))
    }

    /// The compiled code, which is not malloc's.
    fn mapped_bytes(&self) -> Option<usize> {
        let image = self.module.image_range();
        Some(image.end as usize - image.start as usize)
    }
}

impl Running for Started {
    fn call(&mut self, name: &str) -> Result<bool, Failure> {
        let Ok(function) = self.instance.get_typed_func::<(), ()>(&mut self.store, name) else {
            return Ok(false);
        };
        function.call(&mut self.store, ()).map_err(|error| Failure::failed(reason(error)))?;
        Ok(true)
    }

    fn run(&mut self, rounds: i32) -> Result<i32, Failure> {
        let run = self.run.as_ref();
        let run = run.ok_or_else(|| Failure::failed("there is no export \"run\" of type i32 -> i32"))?;
        run.call(&mut self.store, rounds).map_err(|error| Failure::failed(reason(error)))
    }
}

//! tinywasm.

use tinywasm::engine::{Config, StackConfig};
use tinywasm::types::{FuncType, WasmType, WasmValue};
use tinywasm::{
    Engine, Error, FuncContext, FunctionTyped, HostFunction, Imports, Module, ModuleInstance, Store,
};

use crate::peer::{Failure, Loaded, Peer, Running};
use crate::preview1::{self, Answer, Import, Memory};

struct Tinywasm(Engine);

struct Ready {
    module: Module,
    engine: Engine,
}

struct Started {
    store: Store,
    instance: ModuleInstance,
    run: Option<FunctionTyped<i32, i32>>,
}

/// Its stacks are made as large as they are with the others; by default it ends at a depth of 1,024 calls.
pub fn peer() -> Box<dyn Peer> {
    let config = Config::new()
        .with_value_stack(StackConfig::fixed(1 << 20))
        .with_value_stack_128(StackConfig::fixed(1 << 14))
        .with_call_stack(StackConfig::fixed(1 << 16));
    Box::new(Tinywasm(Engine::new(config)))
}

struct GuestMemory<'a, 'b>(&'a mut FuncContext<'b>);

impl Memory for GuestMemory<'_, '_> {
    fn read(&mut self, offset: usize, bytes: &mut [u8]) -> Option<()> {
        self.0.memory("memory").ok()?.read_exact(self.0.store(), offset, bytes).ok()
    }

    fn write(&mut self, offset: usize, bytes: &[u8]) -> Option<()> {
        self.0.memory("memory").ok()?.copy_from_slice(self.0.store_mut(), offset, bytes).ok()
    }
}

fn answer(
    import: &Import,
    mut context: FuncContext<'_>,
    params: &[WasmValue],
) -> Result<Vec<WasmValue>, Error> {
    let mut args = [0; 9];
    for (arg, param) in args.iter_mut().zip(params) {
        *arg = match param {
            WasmValue::I32(value) => *value as u32 as u64,
            WasmValue::I64(value) => *value as u64,
            _ => unreachable!(),
        };
    }
    match (import.function)(&mut GuestMemory(&mut context), &args) {
        Answer::Errno(errno) => Ok(vec![WasmValue::I32(errno as i32)]),
        Answer::Exit => Err(Error::Other("exit".into())),
    }
}

impl Peer for Tinywasm {
    fn load(&self, bytes: &[u8]) -> Result<Box<dyn Loaded>, Failure> {
        let module = tinywasm::parse_bytes(bytes).map_err(Failure::unsupported)?;
        Ok(Box::new(Ready { module, engine: self.0.clone() }))
    }
}

impl Loaded for Ready {
    fn instantiate(self: Box<Self>) -> Result<Box<dyn Running>, Failure> {
        let mut store = Store::new(self.engine);
        let mut imports = Imports::new();
        for import in preview1::imports() {
            let params = import.params.chars().map(|letter| match letter {
                'i' => WasmType::I32,
                _ => WasmType::I64,
            });
            let results: &[WasmType] = if import.has_result() { &[WasmType::I32] } else { &[] };
            let ty = FuncType::new(&params.collect::<Vec<_>>(), results);
            let function = HostFunction::from_untyped(&mut store, &ty, move |context, params| {
                answer(&import, context, params)
            });
            imports.define(preview1::MODULE, import.name, function);
        }
        let instance = ModuleInstance::instantiate(&mut store, &self.module, Some(imports))
            .map_err(Failure::unsupported)?;
        let run = instance.func(&store, "run").ok();
        Ok(Box::new(Started { store, instance, run }))
    }
}

impl Running for Started {
    fn call(&mut self, name: &str) -> Result<bool, Failure> {
        let Ok(function) = self.instance.func::<(), ()>(&self.store, name) else { return Ok(false) };
        function.call(&mut self.store, ()).map_err(Failure::failed)?;
        Ok(true)
    }

    fn run(&mut self, rounds: i32) -> Result<i32, Failure> {
        let run = self.run.as_ref();
        let run = run.ok_or_else(|| Failure::failed("there is no export \"run\" of type i32 -> i32"))?;
        run.call(&mut self.store, rounds).map_err(Failure::failed)
    }
}

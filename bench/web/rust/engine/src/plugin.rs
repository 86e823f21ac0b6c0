//! The least that calls a plugin: a new instance, the request on its standard input, and its lines read as they come. Every
//! call of the host is answered at once with its own params, as `echo` does. Nothing yields, nothing is logged, and the imports
//! but fd_read and fd_write have the answers that kernels get. So this takes less time than a framework with the same engine.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A loaded plugin.
pub trait Plugin {
    /// Gives the result, as JSON.
    fn call(&mut self, request: Vec<u8>) -> Result<String, String>;
}

/// A line from the plugin: a call of the host, or its response.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    id: &'a RawValue,
    method: Option<&'a str>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "even_null")]
    result: Option<&'a RawValue>,
}

/// What is there is there, also where it is null.
fn even_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// The plugin's standard input and output.
struct Pipes {
    input: Vec<u8>,
    read: usize,
    line: Vec<u8>,
    answer: Option<Result<String, String>>,
}

impl Pipes {
    fn new(input: Vec<u8>) -> Pipes {
        Pipes { input, read: 0, line: Vec::new(), answer: None }
    }

    /// As much of the input as there is and as fits.
    fn read_into(&mut self, bytes: &mut [u8]) -> usize {
        let rest = &self.input[self.read..];
        let size = rest.len().min(bytes.len());
        bytes[..size].copy_from_slice(&rest[..size]);
        self.read += size;
        size
    }

    fn write(&mut self, mut bytes: &[u8]) {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            let mut line = std::mem::take(&mut self.line);
            line.extend_from_slice(&bytes[..end]);
            self.take_line(&line);
            line.clear();
            self.line = line;
            bytes = &bytes[end + 1..];
        }
        self.line.extend_from_slice(bytes);
    }

    fn take_line(&mut self, line: &[u8]) {
        match serde_json::from_slice::<Message>(line) {
            Ok(Message { id, method: Some(_), params, .. }) => {
                if self.read == self.input.len() {
                    self.input.clear();
                    self.read = 0;
                }
                self.input.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
                self.input.extend_from_slice(id.get().as_bytes());
                self.input.extend_from_slice(b",\"result\":");
                self.input.extend_from_slice(params.map_or("null", RawValue::get).as_bytes());
                self.input.extend_from_slice(b"}\n");
            }
            Ok(Message { result: Some(result), .. }) => self.answer = Some(Ok(result.get().to_string())),
            _ => self.answer = Some(Err(String::from_utf8_lossy(line).into_owned())),
        }
    }
}

macro_rules! plugin {
    ($module:ident, $wasmi:ident) => {
        pub mod $module {
            use super::{Pipes, Plugin};
            use crate::preview1;
            use crate::wasmi::$module as peers;
            use $wasmi::{Caller, Config, Engine, Error, Extern, Linker, Memory, Module, Store};

            const EBADF: i32 = 8;
            const EFAULT: i32 = 21;

            struct Loaded {
                engine: Engine,
                linker: Linker<Pipes>,
                module: Module,
                metered: bool,
            }

            pub fn load(bytes: &[u8], metered: bool) -> Result<Box<dyn Plugin>, String> {
                let mut config = Config::default();
                config.consume_fuel(metered);
                let engine = Engine::new(&config);
                let module = Module::new(&engine, bytes).map_err(|error| error.to_string())?;
                let linker = linker(&engine).map_err(|error| error.to_string())?;
                Ok(Box::new(Loaded { engine, linker, module, metered }))
            }

            impl Plugin for Loaded {
                fn call(&mut self, request: Vec<u8>) -> Result<String, String> {
                    let mut store = Store::new(&self.engine, Pipes::new(request));
                    if self.metered {
                        store.set_fuel(u64::MAX).map_err(|error| error.to_string())?;
                    }
                    let ended = self
                        .linker
                        .instantiate_and_start(&mut store, &self.module)
                        .and_then(|instance| instance.get_typed_func::<(), ()>(&store, "_start"))
                        .and_then(|start| start.call(&mut store, ()));
                    match (store.into_data().answer, ended) {
                        (Some(answer), _) => answer,
                        (None, Err(error)) => Err(error.to_string()),
                        (None, Ok(())) => Err("it ended without an answer".to_string()),
                    }
                }
            }

            fn memory(caller: &Caller<Pipes>) -> Option<Memory> {
                caller.get_export("memory").and_then(Extern::into_memory)
            }

            fn word(bytes: &[u8], offset: u32) -> Option<u32> {
                let offset = offset as usize;
                Some(u32::from_le_bytes(bytes.get(offset..offset.checked_add(4)?)?.try_into().ok()?))
            }

            fn set_word(bytes: &mut [u8], offset: u32, value: u32) -> Option<()> {
                let offset = offset as usize;
                bytes.get_mut(offset..offset.checked_add(4)?)?.copy_from_slice(&value.to_le_bytes());
                Some(())
            }

            /// The pieces of memory that `count` pairs of address and length at `pieces` stand for.
            fn piece(bytes: &[u8], pieces: u32, index: u32) -> Option<std::ops::Range<usize>> {
                let pair = pieces.checked_add(index.checked_mul(8)?)?;
                let start = word(bytes, pair)? as usize;
                let range = start..start.checked_add(word(bytes, pair.checked_add(4)?)? as usize)?;
                (range.end <= bytes.len()).then_some(range)
            }

            fn fd_read(mut caller: Caller<Pipes>, fd: i32, pieces: u32, count: u32, size: u32) -> i32 {
                let Some(memory) = memory(&caller).filter(|_| fd == 0) else { return EBADF };
                let (bytes, pipes) = memory.data_and_store_mut(&mut caller);
                let mut work = || {
                    let mut total = 0;
                    for index in 0..count {
                        let piece = piece(bytes, pieces, index)?;
                        total += pipes.read_into(&mut bytes[piece]);
                    }
                    set_word(bytes, size, total as u32)
                };
                work().map_or(EFAULT, |()| 0)
            }

            /// Ends the instance once it has answered.
            fn fd_write(
                mut caller: Caller<Pipes>,
                fd: i32,
                pieces: u32,
                count: u32,
                size: u32,
            ) -> Result<i32, Error> {
                let Some(memory) = memory(&caller) else { return Ok(EBADF) };
                let (bytes, pipes) = memory.data_and_store_mut(&mut caller);
                let mut work = || {
                    let mut total = 0;
                    for index in 0..count {
                        let piece = piece(bytes, pieces, index)?;
                        total += piece.len();
                        if fd == 1 {
                            pipes.write(&bytes[piece]);
                        }
                    }
                    set_word(bytes, size, total as u32)
                };
                let errno = work().map_or(EFAULT, |()| 0);
                match pipes.answer {
                    Some(_) => Err(Error::i32_exit(0)),
                    None => Ok(errno),
                }
            }

            fn linker(engine: &Engine) -> Result<Linker<Pipes>, Error> {
                let mut linker = peers::linker(engine);
                linker.allow_shadowing(true);
                linker.func_wrap(preview1::MODULE, "fd_read", fd_read)?;
                linker.func_wrap(preview1::MODULE, "fd_write", fd_write)?;
                Ok(linker)
            }
        }
    };
}

plugin!(wasmi1, wasmi1);
plugin!(wasmi2, wasmi2);

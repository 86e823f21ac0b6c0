//! wasmi, in two major versions with one interface.

macro_rules! wasmi_peer {
    ($module:ident, $wasmi:ident) => {
        pub mod $module {
            use std::rc::Rc;

            use crate::peer::{Failure, Loaded, Peer, Running};
            use crate::preview1::{self, Answer};
            use $wasmi::{
                Caller, CompilationMode, Config, Engine, Error, Extern, FuncType, Instance, Linker, Module,
            };
            use $wasmi::{Store, TypedFunc, Val, ValType};

            pub struct Wasmi {
                engine: Engine,
                linker: Rc<Linker<()>>,
                metered: bool,
            }

            pub struct Ready {
                module: Module,
                engine: Engine,
                linker: Rc<Linker<()>>,
                metered: bool,
            }

            pub struct Started {
                store: Store<()>,
                instance: Instance,
                run: Option<TypedFunc<i32, i32>>,
                metered: bool,
                spent: Option<u64>,
            }

            /// Validation is eager either way; without `eager` functions are translated at their first call,
            /// as is the engine's default.
            pub fn peer(metered: bool, eager: bool) -> Box<dyn Peer> {
                let mode = if eager { CompilationMode::Eager } else { CompilationMode::LazyTranslation };
                let mut config = Config::default();
                config.consume_fuel(metered).compilation_mode(mode);
                let engine = Engine::new(&config);
                let linker = Rc::new(linker(&engine));
                Box::new(Wasmi { engine, linker, metered })
            }

            /// All imports, for a store of any kind.
            pub fn linker<T: 'static>(engine: &Engine) -> Linker<T> {
                let mut linker = Linker::new(engine);
                for import in preview1::imports() {
                    let params = import.params.chars().map(|letter| match letter {
                        'i' => ValType::I32,
                        _ => ValType::I64,
                    });
                    let results = import.has_result().then_some(ValType::I32);
                    let ty = FuncType::new(params.collect::<Vec<_>>(), results);
                    linker
                        .func_new(
                            preview1::MODULE,
                            import.name,
                            ty,
                            move |mut caller: Caller<T>, params, results| {
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
                                    Answer::Exit => return Err(Error::i32_exit(0)),
                                }
                                Ok(())
                            },
                        )
                        .expect("each name is defined once");
                }
                linker
            }

            impl Peer for Wasmi {
                fn load(&self, bytes: &[u8]) -> Result<Box<dyn Loaded>, Failure> {
                    let module = Module::new(&self.engine, bytes).map_err(Failure::unsupported)?;
                    Ok(Box::new(Ready {
                        module,
                        engine: self.engine.clone(),
                        linker: Rc::clone(&self.linker),
                        metered: self.metered,
                    }))
                }
            }

            impl Loaded for Ready {
                fn instantiate(self: Box<Self>) -> Result<Box<dyn Running>, Failure> {
                    let mut store = Store::new(&self.engine, ());
                    if self.metered {
                        store.set_fuel(u64::MAX).map_err(Failure::failed)?;
                    }
                    let instance = self
                        .linker
                        .instantiate_and_start(&mut store, &self.module)
                        .map_err(Failure::unsupported)?;
                    let run = instance.get_typed_func(&store, "run").ok();
                    Ok(Box::new(Started { store, instance, run, metered: self.metered, spent: None }))
                }
            }

            impl Running for Started {
                fn call(&mut self, name: &str) -> Result<bool, Failure> {
                    let Ok(function) = self.instance.get_typed_func::<(), ()>(&self.store, name) else {
                        return Ok(false);
                    };
                    function.call(&mut self.store, ()).map_err(Failure::failed)?;
                    Ok(true)
                }

                fn run(&mut self, rounds: i32) -> Result<i32, Failure> {
                    let run = self
                        .run
                        .ok_or_else(|| Failure::failed("there is no export \"run\" of type i32 -> i32"))?;
                    if !self.metered {
                        return run.call(&mut self.store, rounds).map_err(Failure::failed);
                    }
                    self.store.set_fuel(u64::MAX).map_err(Failure::failed)?;
                    let result = run.call(&mut self.store, rounds).map_err(Failure::failed)?;
                    self.spent = Some(u64::MAX - self.store.get_fuel().map_err(Failure::failed)?);
                    Ok(result)
                }

                fn fuel(&mut self) -> Option<u64> {
                    self.spent
                }
            }
        }
    };
}

wasmi_peer!(wasmi1, wasmi1);
wasmi_peer!(wasmi2, wasmi2);

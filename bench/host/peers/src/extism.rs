//! Extism, with a plugin of the same logic for its own interface: extism_plugin.c.

use extism::{host_fn, CompiledPlugin, Manifest, Plugin, PluginBuilder, UserData, Wasm, PTR};

use crate::framework::{unexpected, Framework};

// JSON in, JSON out, as all of the plugin's methods.
host_fn!(echo(host_calls: u64; params: String) -> String {
    *host_calls.get()?.lock().unwrap() += 1;
    Ok(params)
});

struct Extism {
    compiled: CompiledPlugin,
    host_calls: UserData<u64>,
}

pub fn load(bytes: Vec<u8>) -> Result<Box<dyn Framework>, String> {
    let host_calls = UserData::new(0);
    let compiled = PluginBuilder::new(Manifest::new([Wasm::data(bytes)]))
        .with_function("echo", [PTR], [PTR], host_calls.clone(), echo)
        .compile()
        .map_err(|error| format!("{error:#}"))?;
    Ok(Box::new(Extism { compiled, host_calls }))
}

impl Extism {
    fn call(&self, method: &str, params: &str, expected: &str) -> Result<(), String> {
        let mut plugin = Plugin::new_from_compiled(&self.compiled).map_err(|error| format!("{error:#}"))?;
        match plugin.call::<&str, &str>(method, params) {
            Ok(answer) if answer == expected => Ok(()),
            Ok(answer) => Err(unexpected(method, answer)),
            Err(error) => Err(format!("{method}: {error:#}")),
        }
    }
}

impl Framework for Extism {
    fn ping(&mut self) -> Result<(), String> {
        self.call("ping", "null", "\"pong\"")
    }

    fn many_echo(&mut self, n: u64) -> Result<(), String> {
        self.call("many_echo", &format!("{{\"n\":{n}}}"), "null")
    }

    fn host_calls(&self) -> u64 {
        match self.host_calls.get() {
            Ok(counter) => *counter.lock().unwrap(),
            Err(_) => 0,
        }
    }
}

//! The Rust framework, on the same file as wplug.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use serde_json::{json, Value};
use tokio::runtime::Runtime;
use wasmi_plugin_hdk::plugin::Plugin;
use wasmi_plugin_hdk::server::HostServer;
use wasmi_plugin_pdk::transport::Transport;

use crate::framework::{unexpected, Framework};

struct WasmiPlugin {
    runtime: Runtime,
    plugin: Plugin,
    host_calls: Arc<AtomicU64>,
}

pub fn load(bytes: Vec<u8>) -> Result<Box<dyn Framework>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let host_calls = Arc::new(AtomicU64::new(0));
    let server = HostServer::new(host_calls.clone()).with_method(
        "echo",
        |(_, host_calls): (_, Arc<AtomicU64>), params: Value| async move {
            host_calls.fetch_add(1, Ordering::Relaxed);
            Ok(params)
        },
    );
    let plugin = Plugin::new("bench", bytes, Arc::new(server)).map_err(|error| error.to_string())?;
    Ok(Box::new(WasmiPlugin { runtime, plugin, host_calls }))
}

impl WasmiPlugin {
    fn call(&self, method: &str, params: Value, expected: Value) -> Result<(), String> {
        match self.runtime.block_on(self.plugin.call(method, params)) {
            Ok(response) if response.result == expected => Ok(()),
            Ok(response) => Err(unexpected(method, response.result)),
            Err(error) => Err(format!("{method}: {error}")),
        }
    }
}

impl Framework for WasmiPlugin {
    fn ping(&mut self) -> Result<(), String> {
        self.call("ping", Value::Null, json!("pong"))
    }

    fn many_echo(&mut self, n: u64) -> Result<(), String> {
        self.call("many_echo", json!({ "n": n }), Value::Null)
    }

    fn host_calls(&self) -> u64 {
        self.host_calls.load(Ordering::Relaxed)
    }
}

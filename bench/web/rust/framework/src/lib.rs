//! The Rust framework in a web page, where its calls are promises. Its host method `echo` is Rust too: nothing but the call
//! itself goes between JavaScript and here.

use std::sync::Arc;

use serde_json::Value;
use wasm_bindgen::prelude::*;
use wasmi_plugin_hdk::plugin::Plugin;
use wasmi_plugin_hdk::server::HostServer;
use wasmi_plugin_pdk::transport::Transport;

#[wasm_bindgen]
pub struct Framework {
    plugin: Plugin,
}

#[wasm_bindgen]
impl Framework {
    /// `fuel` is how much a plugin may spend until it yields; without it the framework's own figure holds.
    #[wasm_bindgen(constructor)]
    pub fn new(bytes: Vec<u8>, fuel: Option<u64>) -> Result<Framework, JsError> {
        let server = HostServer::new(()).with_method("echo", |_, params: Value| async move { Ok(params) });
        let mut plugin = Plugin::new("bench", bytes, Arc::new(server))?;
        if let Some(fuel) = fuel {
            plugin = plugin.with_max_fuel(fuel);
        }
        Ok(Framework { plugin })
    }

    /// Params and result are JSON.
    pub async fn call(&self, method: String, params: String) -> Result<String, JsError> {
        let params = serde_json::from_str(&params)?;
        let response = self.plugin.call(&method, params).await?;
        Ok(response.result.to_string())
    }
}

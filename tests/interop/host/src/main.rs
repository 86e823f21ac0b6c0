//! A host with the Rust framework (`wasmi-plugin-hdk`), for plugins that were made for wplug:
//!
//!     interop-host PLUGIN METHOD [PARAMS]
//!
//! Prints the result as JSON; an error goes to stderr and gives status 4, as with `wplug call`. It has two
//! methods for plugins: `echo` answers its params, `pause` answers its params after that many milliseconds.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use wasmi_plugin_hdk::plugin::{Plugin, PluginId};
use wasmi_plugin_hdk::server::HostServer;
use wasmi_plugin_pdk::rpc_message::RpcError;
use wasmi_plugin_pdk::transport::Transport;

type Caller = (PluginId, ());

async fn echo(_caller: Caller, params: Value) -> Result<Value, RpcError> {
    Ok(params)
}

async fn pause(_caller: Caller, milliseconds: u64) -> Result<u64, RpcError> {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    Ok(milliseconds)
}

async fn call(path: &str, method: &str, params: Value) -> Result<Value, String> {
    let module = std::fs::read(path).map_err(|error| format!("{path}: {error}"))?;
    let host = HostServer::new(()).with_method("echo", echo).with_method("pause", pause);
    let plugin = Plugin::new("interop", module, Arc::new(host))
        .map_err(|error| error.to_string())?
        .with_logger(Box::new(|name, line| eprintln!("{name}: {line}")));
    let answer =
        plugin.call(method, params).await.map_err(|error| format!("{error}: {:?}", error.as_rpc_code()))?;
    Ok(answer.result)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, path, method, rest @ ..] = arguments.as_slice() else {
        eprintln!("usage: interop-host PLUGIN METHOD [PARAMS]");
        return ExitCode::from(2);
    };
    let params = match serde_json::from_str(rest.first().map_or("null", String::as_str)) {
        Ok(params) => params,
        Err(error) => {
            eprintln!("params: {error}");
            return ExitCode::from(2);
        }
    };
    match call(path, method, params).await {
        Ok(result) => {
            println!("{result}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(4)
        }
    }
}

//! The methods of plugins/test-plugin once more, with the Rust kit (`wasmi-plugin-pdk`), and one that has
//! several host calls and a timer under way at once.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::future::try_join_all;
use serde_json::{Value, json};
use wasmi_plugin_pdk::rpc_message::{RpcError, to_rpc_err};
use wasmi_plugin_pdk::server::PluginServer;
use wasmi_plugin_pdk::transport::{JsonRpcTransport, Transport};

type Host = Arc<JsonRpcTransport>;

fn main() {
    PluginServer::new_with_transport()
        .with_method("ping", ping)
        .with_method("get_random_number", get_random_number)
        .with_method("get_time", get_time)
        .with_method("sleep", sleep)
        .with_method("many_echo", many_echo)
        .with_method("prime_sieve", prime_sieve)
        .with_method("at_once", at_once)
        .run();
}

async fn ping(_host: Host, _params: Value) -> Result<&'static str, RpcError> {
    Ok("pong")
}

async fn get_random_number(_host: Host, _params: Value) -> Result<u64, RpcError> {
    getrandom::u64().map_err(|error| RpcError::Custom(error.to_string()))
}

async fn get_time(_host: Host, _params: Value) -> Result<u64, RpcError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    Ok(now.map_err(to_rpc_err)?.as_secs())
}

async fn sleep(_host: Host, milliseconds: u64) -> Result<(), RpcError> {
    eprintln!("sleeping for {milliseconds} ms");
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    Ok(())
}

async fn many_echo(host: Host, count: u64) -> Result<(), RpcError> {
    for i in 0..count {
        let answer = host.call("echo", json!(i)).await?;
        if answer.id != i || answer.result != json!(i) {
            return Err(RpcError::Custom(format!("the echo of {i} is {}", answer.result)));
        }
    }
    Ok(())
}

async fn prime_sieve(_host: Host, limit: usize) -> Result<Value, RpcError> {
    let mut composite = vec![false; limit + 1];
    let mut count = 0;
    for i in 2..=limit {
        if composite[i] {
            continue;
        }
        count += 1;
        for j in (i * i..=limit).step_by(i) {
            composite[j] = true;
        }
    }
    eprintln!("found {count} primes up to {limit}");
    Ok(json!({"count": count, "limit": limit}))
}

/// Calls each of the host methods with its own name, all at once, while a timer runs: for as long as the
/// slowest takes, and `ms` at least.
async fn at_once(host: Host, (methods, ms): (Vec<String>, u64)) -> Result<Value, RpcError> {
    let started = Instant::now();
    let host = &host;
    let calls = methods.iter().map(|method| async move {
        let answer = host.call(method, json!(method)).await?;
        Ok::<_, RpcError>(answer.result)
    });
    let timer = async {
        tokio::time::sleep(Duration::from_millis(ms)).await;
        started.elapsed().as_millis() as u64
    };
    let (answers, slept) = tokio::join!(nudged(host, try_join_all(calls)), timer);
    Ok(json!({"answers": answers?, "slept": slept}))
}

/// Awaits `calls`, in whatever order their answers come.
///
/// In version 0.1 of the kit a call reads lines until it is answered, and passes answers to other calls on.
/// One whose answer was passed on to it finds that out when it has read a line itself, and after the last
/// answer none would come. So one more method of the host, `echo`, is called for its line, as often as it
/// takes.
async fn nudged<T>(host: &Host, calls: impl Future<Output = T>) -> T {
    let nudges = async {
        loop {
            let _ = tokio::time::timeout(Duration::from_millis(20), host.call("echo", Value::Null)).await;
        }
    };
    tokio::select! {
        biased;
        result = calls => result,
        _ = nudges => unreachable!(),
    }
}

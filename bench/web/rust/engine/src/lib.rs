//! wasmi as functions for JavaScript, which calls one plugin with it. Bytes go in by `input`; an answer, or what failed, is
//! the text at `output`.

mod plugin;
// What bench/peers answers a guest's imports with; the rest of it stays there.
#[allow(dead_code)]
#[path = "../../../../peers/src/peer.rs"]
mod peer;
#[allow(dead_code)]
#[path = "../../../../peers/src/preview1.rs"]
mod preview1;
#[allow(dead_code)]
#[path = "../../../../peers/src/wasmi.rs"]
mod wasmi;

use std::cell::RefCell;

use plugin::Plugin;

#[derive(Default)]
struct State {
    input: Vec<u8>,
    output: String,
    plugin: Option<Box<dyn Plugin>>,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

/// Whether `work` was done; the output is what it gave, or the reason.
fn attempt(work: impl FnOnce(&mut State) -> Result<String, String>) -> bool {
    STATE.with_borrow_mut(|state| {
        let outcome = work(state);
        let is_done = outcome.is_ok();
        state.output = outcome.unwrap_or_else(|reason| reason);
        is_done
    })
}

/// Where to write the `size` bytes that the next call is about.
#[no_mangle]
pub extern "C" fn input(size: usize) -> *mut u8 {
    STATE.with_borrow_mut(|state| {
        state.input = vec![0; size];
        state.input.as_mut_ptr()
    })
}

#[no_mangle]
pub extern "C" fn output() -> *const u8 {
    STATE.with_borrow(|state| state.output.as_ptr())
}

#[no_mangle]
pub extern "C" fn output_size() -> usize {
    STATE.with_borrow(|state| state.output.len())
}

/// Loads the plugin that is in the input, into wasmi 1 or wasmi 2.
#[no_mangle]
pub extern "C" fn load(version: u32, metered: bool) -> bool {
    attempt(|state| {
        state.plugin = Some(match version {
            1 => plugin::wasmi1::load(&state.input, metered)?,
            2 => plugin::wasmi2::load(&state.input, metered)?,
            _ => return Err("there is no such version here".to_string()),
        });
        Ok(String::new())
    })
}

/// Calls the plugin with the request that is in the input, a line. The output is the result, as JSON.
#[no_mangle]
pub extern "C" fn call() -> bool {
    attempt(|state| {
        let plugin = state.plugin.as_mut().ok_or("there is no plugin")?;
        plugin.call(std::mem::take(&mut state.input))
    })
}

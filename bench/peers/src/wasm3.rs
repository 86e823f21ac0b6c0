//! wasm3, through its C interface.
//!
//! It checks a function's body when it compiles it, which is at the first call: what it calls loading does
//! less than what the others do. With `eager` all functions are compiled while loading, as they are with
//! m3_CompileModule.

use std::ffi::{c_void, CStr, CString};
use std::ptr::{null, null_mut};

use wasm3x_sys as m3;

use crate::peer::{Failure, Loaded, Peer, Running};
use crate::preview1::{self, Answer, Import};

const STACK_BYTES: u32 = 1 << 20;

struct Wasm3 {
    environment: m3::IM3Environment,
    /// Each import with its signature as wasm3 writes it.
    imports: Vec<(Import, CString, CString)>,
    eager: bool,
}

/// A module in an environment, and in a runtime once there is one. Field order is what they are freed in.
struct Ready {
    runtime: Runtime,
    module: m3::IM3Module,
    loaded: bool,
    peer: *const Wasm3,
    /// wasm3 reads them for as long as the module is there.
    _bytes: Vec<u8>,
}

/// Null until there is one.
struct Runtime(m3::IM3Runtime);

struct Started {
    ready: Ready,
    run: Option<m3::IM3Function>,
}

/// One for each process, never freed.
pub fn peer(eager: bool) -> Box<dyn Peer> {
    let text = |s: &str| CString::new(s).expect("no zero byte in it");
    let imports = preview1::imports().into_iter().map(|import| {
        let result = if import.has_result() { 'i' } else { 'v' };
        (import, text(import.name), text(&format!("{result}({})", import.params)))
    });
    // SAFETY: no preconditions.
    let environment = unsafe { m3::m3_NewEnvironment() };
    assert!(!environment.is_null(), "no memory for wasm3's environment");
    Box::new(Wasm3 { environment, imports: imports.collect(), eager })
}

pub fn version() -> String {
    String::from_utf8_lossy(m3::M3_VERSION).trim_end_matches('\0').to_owned()
}

fn check(result: m3::M3Result) -> Result<(), String> {
    if result.is_null() {
        return Ok(());
    }
    // SAFETY: results are constant strings.
    Err(unsafe { CStr::from_ptr(result) }.to_string_lossy().into_owned())
}

/// A trap is the guest's doing; anything else that goes wrong in a call is code that wasm3 cannot compile.
fn blame(reason: String) -> Failure {
    if reason.starts_with("[trap]") {
        Failure::failed(reason)
    } else {
        Failure::unsupported(reason)
    }
}

impl Peer for Wasm3 {
    fn load(&self, bytes: &[u8]) -> Result<Box<dyn Loaded>, Failure> {
        let bytes = bytes.to_vec();
        let mut module = null_mut();
        // SAFETY: the bytes move into Ready beside the module; their place on the heap stays.
        let parsed =
            unsafe { m3::m3_ParseModule(self.environment, &mut module, bytes.as_ptr(), bytes.len() as u32) };
        check(parsed).map_err(Failure::unsupported)?;
        let mut ready =
            Ready { runtime: Runtime(null_mut()), module, loaded: false, peer: self, _bytes: bytes };
        if self.eager {
            ready.enter_runtime()?;
            // SAFETY: the module is in its runtime.
            check(unsafe { m3::m3_CompileModule(ready.module) }).map_err(Failure::unsupported)?;
        }
        Ok(Box::new(ready))
    }
}

impl Ready {
    fn enter_runtime(&mut self) -> Result<(), Failure> {
        // SAFETY: the peer outlives what it loaded.
        let Wasm3 { environment, imports, .. } = unsafe { &*self.peer };
        // SAFETY: all are there; after it was loaded, the runtime owns the module.
        unsafe {
            self.runtime.0 = m3::m3_NewRuntime(*environment, STACK_BYTES, null_mut());
            check(m3::m3_LoadModule(self.runtime.0, self.module)).map_err(Failure::unsupported)?;
        }
        self.loaded = true;
        let module_name = CString::new(preview1::MODULE).expect("no zero byte in it");
        for (import, name, signature) in imports {
            let user: *const Import = import;
            // SAFETY: the import is the peer's and outlives the module.
            let result = unsafe {
                m3::m3_LinkRawFunctionEx(
                    self.module,
                    module_name.as_ptr(),
                    name.as_ptr(),
                    signature.as_ptr(),
                    Some(answer),
                    user.cast(),
                )
            };
            // SAFETY: a constant of wasm3's.
            if result != unsafe { m3::m3Err_functionLookupFailed } {
                check(result).map_err(Failure::unsupported)?;
            }
        }
        Ok(())
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        if !self.loaded {
            // SAFETY: nobody else owns it.
            unsafe { m3::m3_FreeModule(self.module) };
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: made by m3_NewRuntime.
            unsafe { m3::m3_FreeRuntime(self.0) };
        }
    }
}

unsafe extern "C" fn answer(
    runtime: m3::IM3Runtime,
    context: m3::IM3ImportContext,
    stack: *mut u64,
    _memory: *mut c_void,
) -> *const c_void {
    // SAFETY: user data is the Import that was linked; the stack has the result, then the arguments.
    unsafe {
        let import = &*(*context).userdata.cast::<Import>();
        let first = usize::from(import.has_result());
        let args = std::slice::from_raw_parts(stack.add(first), import.params.len());
        let mut size = 0;
        let base = m3::m3_GetMemory(runtime, &mut size, 0);
        let mut memory: &mut [u8] =
            if base.is_null() { &mut [] } else { std::slice::from_raw_parts_mut(base, size as usize) };
        match (import.function)(&mut memory, args) {
            Answer::Errno(errno) => *stack = u64::from(errno),
            Answer::Exit => return m3::m3Err_trapExit.cast(),
        }
    }
    null()
}

impl Loaded for Ready {
    fn instantiate(mut self: Box<Self>) -> Result<Box<dyn Running>, Failure> {
        if !self.loaded {
            self.enter_runtime()?;
        }
        // SAFETY: the module is in its runtime.
        check(unsafe { m3::m3_RunStart(self.module) }).map_err(blame)?;
        let run = find(self.runtime.0, "run")?;
        Ok(Box::new(Started { ready: *self, run }))
    }

    /// What malloc gave includes the stack, and the linear memory where functions are compiled while loading.
    fn mapped_bytes(&self) -> Option<usize> {
        (!self.loaded).then_some(0)
    }
}

/// Looking a function up compiles it. None where there is no such export.
fn find(runtime: m3::IM3Runtime, name: &str) -> Result<Option<m3::IM3Function>, Failure> {
    let name = CString::new(name).expect("no zero byte in it");
    let mut function = null_mut();
    // SAFETY: the runtime is there; `lookup failed` is a constant of wasm3's.
    unsafe {
        let result = m3::m3_FindFunction(&mut function, runtime, name.as_ptr());
        if result == m3::m3Err_functionLookupFailed {
            return Ok(None);
        }
        check(result).map_err(Failure::unsupported)?;
    }
    Ok(Some(function))
}

impl Running for Started {
    fn call(&mut self, name: &str) -> Result<bool, Failure> {
        let Some(function) = find(self.ready.runtime.0, name)? else { return Ok(false) };
        // SAFETY: such functions take nothing.
        check(unsafe { m3::m3_Call(function, 0, null_mut()) }).map_err(blame)?;
        Ok(true)
    }

    fn run(&mut self, rounds: i32) -> Result<i32, Failure> {
        let function = self.run.ok_or_else(|| Failure::failed("there is no export \"run\""))?;
        let mut result = 0i32;
        let mut arguments: [*const c_void; 1] = [(&raw const rounds).cast()];
        let mut results: [*const c_void; 1] = [(&raw mut result).cast_const().cast()];
        // SAFETY: one i32 in and one out; wasm3 counts them itself.
        unsafe {
            check(m3::m3_Call(function, 1, arguments.as_mut_ptr())).map_err(blame)?;
            check(m3::m3_GetResults(function, 1, results.as_mut_ptr())).map_err(Failure::failed)?;
        }
        Ok(result)
    }
}

//! The fast interpreter of WAMR, through its C interface. It validates and translates a module whole while
//! loading, and looks for the imports then too. Bounds are checked by comparing, not by catching signals.

use std::ffi::{c_char, c_void, CStr, CString};
use std::slice;

use wamrx_sys as wamr;

use crate::peer::{Failure, Loaded, Peer, Running};
use crate::preview1::{self, Answer, Import};

const STACK_BYTES: u32 = 1 << 20;

struct Wamr;

/// WAMR changes the bytes, and uses them for as long as the module is there.
struct Ready {
    module: wamr::wasm_module_t,
    _bytes: Vec<u8>,
}

/// Field order is what they are freed in.
struct Started {
    environment: wamr::wasm_exec_env_t,
    instance: wamr::wasm_module_inst_t,
    run: wamr::wasm_function_inst_t,
    _ready: Ready,
}

/// Starts the runtime, which there is one of in a process, and which is never stopped.
pub fn peer() -> Box<dyn Peer> {
    let mut arguments =
        wamr::RuntimeInitArgs { mem_alloc_type: wamr::Alloc_With_System_Allocator, ..Default::default() };
    // WAMR keeps pointers to names, signatures and imports: they are leaked.
    let leak = |text: String| CString::new(text).expect("no zero byte in it").into_raw().cast_const();
    let symbols = preview1::imports().into_iter().map(|import| {
        let result = if import.has_result() { "i" } else { "" };
        wamr::NativeSymbol {
            symbol: leak(import.name.into()),
            func_ptr: answer as *mut c_void,
            signature: leak(format!("({}){result}", import.params)),
            attachment: Box::into_raw(Box::new(import)).cast(),
        }
    });
    let symbols = Vec::leak(symbols.collect());
    // SAFETY: everything that is handed over stays for ever.
    unsafe {
        assert!(wamr::wasm_runtime_full_init(&mut arguments), "WAMR does not start");
        let module = leak(preview1::MODULE.into());
        let registered =
            wamr::wasm_runtime_register_natives_raw(module, symbols.as_mut_ptr(), symbols.len() as u32);
        assert!(registered, "WAMR does not take the imports");
    }
    Box::new(Wamr)
}

pub fn version() -> String {
    let (mut major, mut minor, mut patch) = (0, 0, 0);
    // SAFETY: three numbers to write.
    unsafe { wamr::wasm_runtime_get_version(&mut major, &mut minor, &mut patch) };
    format!("{major}.{minor}.{patch}")
}

unsafe extern "C" fn answer(environment: wamr::wasm_exec_env_t, stack: *mut u64) {
    // SAFETY: the attachment is the Import that was registered, the stack has its arguments and takes the
    // result.
    unsafe {
        let import = &*wamr::wasm_runtime_get_function_attachment(environment).cast::<Import>();
        let args = slice::from_raw_parts(stack, import.params.len());
        let instance = wamr::wasm_runtime_get_module_inst(environment);
        let mut memory = memory(instance);
        match (import.function)(&mut memory, args) {
            Answer::Errno(errno) => *stack = u64::from(errno),
            Answer::Exit => wamr::wasm_runtime_set_exception(instance, c"exit".as_ptr()),
        }
    }
}

/// SAFETY: the instance is there, and nothing runs in it while the slice is used.
unsafe fn memory<'a>(instance: wamr::wasm_module_inst_t) -> &'a mut [u8] {
    unsafe {
        let memory = wamr::wasm_runtime_get_default_memory(instance);
        if memory.is_null() {
            return &mut [];
        }
        let pages = wamr::wasm_memory_get_cur_page_count(memory);
        let bytes = pages * wamr::wasm_memory_get_bytes_per_page(memory);
        if bytes == 0 {
            return &mut [];
        }
        slice::from_raw_parts_mut(wamr::wasm_memory_get_base_address(memory).cast(), bytes as usize)
    }
}

/// A buffer for WAMR's reasons.
struct Reason([c_char; 256]);

impl Reason {
    fn take(&self) -> String {
        // SAFETY: WAMR ends what it writes with a zero, and the buffer began as zeros.
        unsafe { CStr::from_ptr(self.0.as_ptr()) }.to_string_lossy().into_owned()
    }
}

impl Peer for Wamr {
    fn load(&self, bytes: &[u8]) -> Result<Box<dyn Loaded>, Failure> {
        let mut bytes = bytes.to_vec();
        let mut reason = Reason([0; 256]);
        // SAFETY: the bytes move into Ready beside the module; their place on the heap stays.
        let module = unsafe {
            wamr::wasm_runtime_load(bytes.as_mut_ptr(), bytes.len() as u32, reason.0.as_mut_ptr(), 256)
        };
        if module.is_null() {
            return Err(Failure::unsupported(reason.take()));
        }
        Ok(Box::new(Ready { module, _bytes: bytes }))
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        // SAFETY: made by wasm_runtime_load, and its instance is gone.
        unsafe { wamr::wasm_runtime_unload(self.module) };
    }
}

impl Loaded for Ready {
    fn instantiate(self: Box<Self>) -> Result<Box<dyn Running>, Failure> {
        let mut reason = Reason([0; 256]);
        // SAFETY: the module stays for as long as the instance.
        unsafe {
            let instance =
                wamr::wasm_runtime_instantiate(self.module, STACK_BYTES, 0, reason.0.as_mut_ptr(), 256);
            if instance.is_null() {
                return Err(Failure::unsupported(reason.take()));
            }
            let environment = wamr::wasm_runtime_create_exec_env(instance, STACK_BYTES);
            if environment.is_null() {
                return Err(Failure::failed("no memory for WAMR's stack"));
            }
            let run = wamr::wasm_runtime_lookup_function(instance, c"run".as_ptr());
            Ok(Box::new(Started { environment, instance, run, _ready: *self }))
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // SAFETY: made by instantiate, in the opposite order.
        unsafe {
            wamr::wasm_runtime_destroy_exec_env(self.environment);
            wamr::wasm_runtime_deinstantiate(self.instance);
        }
    }
}

impl Started {
    /// Calls a function that takes and gives as many i32 as are there.
    fn call_with(
        &mut self,
        function: wamr::wasm_function_inst_t,
        arguments: &mut [wamr::wasm_val_t],
        results: &mut [wamr::wasm_val_t],
    ) -> Result<(), Failure> {
        // SAFETY: the counts are those of the slices.
        unsafe {
            let done = wamr::wasm_runtime_call_wasm_a(
                self.environment,
                function,
                results.len() as u32,
                results.as_mut_ptr(),
                arguments.len() as u32,
                arguments.as_mut_ptr(),
            );
            if done {
                return Ok(());
            }
            let exception = wamr::wasm_runtime_get_exception(self.instance);
            Err(Failure::failed(CStr::from_ptr(exception).to_string_lossy()))
        }
    }
}

fn value(number: i32) -> wamr::wasm_val_t {
    let mut value = wamr::wasm_val_t { kind: wamr::WASM_I32 as _, ..Default::default() };
    value.of.i32_ = number;
    value
}

impl Running for Started {
    fn call(&mut self, name: &str) -> Result<bool, Failure> {
        let name = CString::new(name).expect("no zero byte in it");
        // SAFETY: the instance is there.
        let function = unsafe { wamr::wasm_runtime_lookup_function(self.instance, name.as_ptr()) };
        if function.is_null() {
            return Ok(false);
        }
        self.call_with(function, &mut [], &mut [])?;
        Ok(true)
    }

    fn run(&mut self, rounds: i32) -> Result<i32, Failure> {
        if self.run.is_null() {
            return Err(Failure::failed("there is no export \"run\""));
        }
        let mut results = [value(0)];
        self.call_with(self.run, &mut [value(rounds)], &mut results)?;
        // SAFETY: `run` gives an i32.
        Ok(unsafe { results[0].of.i32_ })
    }
}

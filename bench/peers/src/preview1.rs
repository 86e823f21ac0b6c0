//! The imports that a kernel may have: wasi_snapshot_preview1 in which nothing happens. All peers, and
//! wplug_bench.c, give the same answers: no arguments, no files, end of input, a clock that goes on by a
//! millisecond at each look, random bytes that are always the same, output that goes nowhere. The rest is
//! ENOSYS.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

pub const MODULE: &str = "wasi_snapshot_preview1";

const SUCCESS: u32 = 0;
const EBADF: u32 = 8;
const EFAULT: u32 = 21;
const ENOSYS: u32 = 52;

/// What the guest's import is answered: its result, or nothing, because it is over.
pub enum Answer {
    Errno(u32),
    Exit,
}

/// The guest's memory. None where any of the bytes is outside.
pub trait Memory {
    fn read(&mut self, offset: usize, bytes: &mut [u8]) -> Option<()>;
    fn write(&mut self, offset: usize, bytes: &[u8]) -> Option<()>;
}

impl Memory for &mut [u8] {
    fn read(&mut self, offset: usize, bytes: &mut [u8]) -> Option<()> {
        bytes.copy_from_slice(self.get(offset..offset.checked_add(bytes.len())?)?);
        Some(())
    }

    fn write(&mut self, offset: usize, bytes: &[u8]) -> Option<()> {
        self.get_mut(offset..offset.checked_add(bytes.len())?)?.copy_from_slice(bytes);
        Some(())
    }
}

pub type Function = fn(&mut dyn Memory, &[u64]) -> Answer;

/// One import. `params` has a letter for each parameter, i for i32 and I for i64.
#[derive(Clone, Copy)]
pub struct Import {
    pub name: &'static str,
    pub params: &'static str,
    pub function: Function,
}

impl Import {
    /// proc_exit is the only one that gives nothing back.
    pub fn has_result(&self) -> bool {
        self.name != "proc_exit"
    }
}

/// All of them, from the list that the C program includes.
pub fn imports() -> Vec<Import> {
    let list: &'static str = include_str!("../../preview1.def");
    let mut imports = Vec::new();
    for line in list.lines() {
        let Some(rest) = line.strip_prefix("FUNCTION(") else { continue };
        let (name, rest) = rest.split_once(", \"").expect("a comma and a quote after the name");
        let (params, _) = rest.split_once('"').expect("a second quote");
        imports.push(Import { name, params, function: function(name) });
    }
    imports
}

/// Whether the guest called proc_exit, which ends it with a trap.
pub fn exited() -> bool {
    EXITED.load(Ordering::Relaxed)
}

static EXITED: AtomicBool = AtomicBool::new(false);
static CLOCK: AtomicU64 = AtomicU64::new(1_700_000_000_000_000_000);

fn function(name: &str) -> Function {
    match name {
        "args_get" | "environ_get" | "fd_close" | "fd_fdstat_set_flags" | "sched_yield" => {
            |_, _| Answer::Errno(SUCCESS)
        }
        "args_sizes_get" | "environ_sizes_get" => |memory, args| {
            errno(|| {
                store(memory, args[0], &[0; 4])?;
                store(memory, args[1], &[0; 4])
            })
        },
        "clock_res_get" => |memory, args| errno(|| store(memory, args[1], &1_000_000u64.to_le_bytes())),
        "clock_time_get" => |memory, args| {
            let now = CLOCK.fetch_add(1_000_000, Ordering::Relaxed);
            errno(|| store(memory, args[2], &now.to_le_bytes()))
        },
        "random_get" => |memory, args| errno(|| fill(memory, args)),
        "fd_write" => |memory, args| errno(|| write(memory, args)),
        "fd_read" => |memory, args| errno(|| store(memory, args[3], &[0; 4])),
        "fd_fdstat_get" => |memory, args| {
            if args[0] as u32 > 2 {
                return Answer::Errno(EBADF);
            }
            // A character device, no flags, all rights.
            let mut stat = [0xFF; 24];
            stat[..8].copy_from_slice(&[2, 0, 0, 0, 0, 0, 0, 0]);
            errno(|| store(memory, args[1], &stat))
        },
        "fd_prestat_get" | "fd_prestat_dir_name" => |_, _| Answer::Errno(EBADF),
        "poll_oneoff" => |memory, args| errno(|| poll(memory, args)),
        "proc_exit" => |_, _| {
            EXITED.store(true, Ordering::Relaxed);
            Answer::Exit
        },
        _ => |_, _| Answer::Errno(ENOSYS),
    }
}

fn errno(work: impl FnOnce() -> Option<()>) -> Answer {
    Answer::Errno(if work().is_some() { SUCCESS } else { EFAULT })
}

/// Engines hand an i32 over in a u64 of which only the low half counts.
fn store(memory: &mut dyn Memory, offset: u64, bytes: &[u8]) -> Option<()> {
    memory.write(offset as u32 as usize, bytes)
}

fn fill(memory: &mut dyn Memory, args: &[u64]) -> Option<()> {
    for i in 0..u64::from(args[1] as u32) {
        store(memory, args[0] + i, &[(i * 167 + 13) as u8])?;
    }
    Some(())
}

/// Takes everything: the sum of the lengths of the pieces.
fn write(memory: &mut dyn Memory, args: &[u64]) -> Option<()> {
    let mut total = 0u32;
    for piece in 0..args[2] as u32 as usize {
        let mut length = [0; 4];
        memory.read(args[1] as u32 as usize + piece * 8 + 4, &mut length)?;
        total = total.wrapping_add(u32::from_le_bytes(length));
    }
    store(memory, args[3], &total.to_le_bytes())
}

/// All that is waited for has happened.
fn poll(memory: &mut dyn Memory, args: &[u64]) -> Option<()> {
    for i in 0..u64::from(args[2] as u32) {
        let mut subscription = [0; 48];
        memory.read(args[0] as u32 as usize + i as usize * 48, &mut subscription)?;
        let mut event = [0; 32];
        event[..8].copy_from_slice(&subscription[..8]);
        event[10] = subscription[8];
        store(memory, args[1] + i * 32, &event)?;
    }
    store(memory, args[3], &(args[2] as u32).to_le_bytes())
}

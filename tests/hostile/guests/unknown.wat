;; Imports that nobody provides, of every kind, among some that WASI does.
(module
  (import "env" "launch" (func $launch (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "fd_teleport" (func (param i32)))
  (import "wasi_unstable" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
  (func (export "_start")
    (drop (call $launch (i32.const 1)))))

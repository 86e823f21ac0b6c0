;; A command that imports what no host of plugins offers: two functions, a global, and a function of WASI that is there.
(module $stranger
  (import "env" "launch_rocket" (func $launch (param i32) (result i32)))
  (import "env" "open_door" (func $door))
  (import "other" "counter" (global i32))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func $start (export "_start") (drop (call $launch (i32.const 1))) (call $door)))

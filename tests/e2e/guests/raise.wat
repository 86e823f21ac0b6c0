;; A command that ends itself with a signal: preview 1 numbers SIGTERM as 15.
(module $raise
  (import "wasi_snapshot_preview1" "proc_raise" (func $raise (param i32) (result i32)))
  (memory (export "memory") 1)
  (func $start (export "_start") (drop (call $raise (i32.const 15)))))

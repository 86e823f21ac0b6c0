;; The start section runs before `_start`: here it writes the "A" that `_start` writes out.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\10\00\00\00\02\00\00\00")
  (func $before (i32.store16 (i32.const 16) (i32.const 0x0A41)))
  (start $before)
  (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))

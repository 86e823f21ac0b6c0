;; A module whose code is read: it has no _start, so it is no plugin.
(module $code
  (type $binary (func (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
  (memory 1)
  (func $twice (export "twice") (export "also twice") (param i32) (result i32) (local i64 i64 f32)
    (call $divide (local.get 0) (i32.const 1)))
  (func $divide (type $binary)
    (i32.div_s (local.get 0) (local.get 1)))
  (func (export "fail") (result i32)
    (call $divide (i32.const 1) (i32.const 0))))

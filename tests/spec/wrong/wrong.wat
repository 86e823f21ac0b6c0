;; What wrong.json makes false claims about.
(module
  (func (export "i32") (result i32) i32.const 7)
  (func (export "i64") (result i64) i64.const -1)
  (func (export "f32") (result f32) f32.const 1)
  (func (export "canonical") (result f32) f32.const nan)
  (func (export "signalling") (result f64) f64.const nan:0x4000000000000)
  (func (export "two") (result i32 i32) i32.const 1 i32.const 2)
  (func (export "same") (param externref) (result externref) local.get 0)
  (func $none (export "none") (result funcref) ref.null func)
  (func (export "func") (result funcref) ref.func $none)
  (func (export "trap") unreachable)
  (func (export "return"))
  (global (export "global") i32 (i32.const 3)))

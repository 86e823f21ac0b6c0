;; A kernel that is right once and then traps: a bench program must notice.
(module
 (memory (export "memory") 1)
 (func (export "run") (param i32) (result i32)
  (if (i32.gt_s (local.get 0) (i32.const 1)) (then unreachable))
  (i32.const 0)))

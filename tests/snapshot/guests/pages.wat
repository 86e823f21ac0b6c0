;; Writes here and there in a memory of 2.5 MB, waits, grows by as many pages as it is told, overwrites everything and
;; answers with the sum of what it had written before.
(module
  (import "env" "wait" (func $wait (result i32)))
  (memory (export "memory") 40 3000)
  (func (export "run") (result i32) (local $sum i32) (local $at i32)
    (i32.store (i32.const 0) (i32.const 1))
    (i32.store (i32.const 100000) (i32.const 20))
    (i32.store (i32.const 1000000) (i32.const 300))
    (i32.store (i32.const 2000000) (i32.const 4000))
    (drop (memory.grow (call $wait)))
    (loop $again
      (local.set $sum (i32.add (local.get $sum) (i32.load (local.get $at))))
      (br_if $again (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 4)))
                              (i32.shl (memory.size) (i32.const 16)))))
    (memory.fill (i32.const 0) (i32.const 0xEE) (i32.shl (memory.size) (i32.const 16)))
    (local.get $sum)))

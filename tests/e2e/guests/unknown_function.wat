;; A command that imports a function that no host of plugins offers, and calls it.
(module $stranger
  (import "env" "launch_rocket" (func $launch (param i32) (result i32)))
  (memory (export "memory") 1)
  (func $start (export "_start") (drop (call $launch (i32.const 1)))))

;; A command that calls itself until the stack's limit.
(module $recurse
  (memory (export "memory") 1)
  (func $deeper (call $deeper) (call $deeper))
  (func $start (export "_start") (call $deeper)))

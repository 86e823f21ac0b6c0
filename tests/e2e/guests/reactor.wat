;; A reactor: exports _initialize instead of _start.
(module $reactor
  (memory (export "memory") 1)
  (func $initialize (export "_initialize")))

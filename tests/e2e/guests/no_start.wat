;; Neither a command nor a reactor.
(module $library
  (memory (export "memory") 1)
  (func $work (export "work")))

;; A command that never ends and asks the host for nothing.
(module $spin
  (memory (export "memory") 1)
  (func $forever (loop $again (br $again)))
  (func $start (export "_start") (call $forever)))

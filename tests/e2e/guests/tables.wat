;; A command that wants a thousand table elements more than it has, and traps where it does not get them.
(module $tables
  (memory (export "memory") 1)
  (table $table 1 funcref)
  (func $start (export "_start")
    (if (i32.lt_s (table.grow $table (ref.null func) (i32.const 1000)) (i32.const 0))
      (then (unreachable)))))

;; Grows a table for ever, and traps when it is refused.
(module
  (table 1 funcref)
  (func (export "_start")
    (loop $again
      (br_if $again (i32.ne (table.grow 0 (ref.null func) (i32.const 1000)) (i32.const -1))))
    unreachable))

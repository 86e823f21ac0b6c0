;; A memory, a table and a global that nobody provides: no option can make these trap.
(module
  (import "env" "memory" (memory 1))
  (import "env" "table" (table 1 funcref))
  (import "env" "base" (global i32))
  (func (export "_start")))

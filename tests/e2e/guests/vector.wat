;; A command that uses a feature beyond the first set: vectors.
(module $vector
  (memory (export "memory") 1)
  (func $start (export "_start")
    (drop (i8x16.add (v128.const i64x2 1 2) (v128.const i64x2 3 4)))))

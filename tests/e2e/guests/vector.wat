;; A command that uses one feature beyond WebAssembly 1.0: vectors.
(module $vector
  (memory (export "memory") 1)
  (func $start (export "_start")
    (drop (i8x16.add (v128.const i64x2 1 2) (v128.const i64x2 3 4)))))

;; A command without a memory, so it can neither read nor write.
(module $blind
  (func $start (export "_start")))

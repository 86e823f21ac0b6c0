;; 4 GiB from the start.
(module
  (memory 65536)
  (func (export "_start")))

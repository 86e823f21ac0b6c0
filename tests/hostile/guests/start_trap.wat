(module
  (func $before unreachable)
  (start $before)
  (func (export "_start")))

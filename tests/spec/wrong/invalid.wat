;; Well-formed, but of the wrong type.
(module (func (result i32) i64.const 0))

;; As small as a plugin can be: reads its request, asks the host method `keep`, waits for the answer, and answers 1.
(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\00\10\00\00\00\10\00\00")   ;; 4096 bytes at 4096, for what is read
  (data (i32.const 8) "\40\00\00\00\29\00\00\00")   ;; the request
  (data (i32.const 16) "\80\00\00\00\28\00\00\00")  ;; the answer
  (data (i32.const 64) "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"keep\"}\n")
  (data (i32.const 128) "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":1    }\n")
  (func (export "_start")
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 24)))
    (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 24)))
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 24)))
    (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))

;; Shaped like a kernel: gives 0 where the imports answer as they should, else the number of the first that
;; does not. All bench programs must run it. What is expected was written down from the preview 1 description
;; and from what peers/src/preview1.rs promises, not copied from a run.
(module
 (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
 (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
 (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
 (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $stat (param i32 i32) (result i32)))
 (import "wasi_snapshot_preview1" "fd_prestat_get" (func $pre (param i32 i32) (result i32)))
 (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
 (import "wasi_snapshot_preview1" "args_sizes_get" (func $args (param i32 i32) (result i32)))
 (import "wasi_snapshot_preview1" "path_open" (func $open
  (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
 (memory (export "memory") 1)
 (data (i32.const 512) "\00\02\00\00\07\00\00\00\00\02\00\00\05\00\00\00") ;; two pieces: 7 + 5 bytes
 (data (i32.const 1024) "ABCDEFGH\01")
 (func (export "run") (param i32) (result i32)
  ;; the clock goes on by a millisecond at each look
  (if (call $clock (i32.const 1) (i64.const 0) (i32.const 8)) (then (return (i32.const 1))))
  (if (call $clock (i32.const 1) (i64.const 0) (i32.const 16)) (then (return (i32.const 2))))
  (if (i64.ne (i64.sub (i64.load (i32.const 16)) (i64.load (i32.const 8))) (i64.const 1000000))
   (then (return (i32.const 3))))
  (if (i64.lt_u (i64.load (i32.const 8)) (i64.const 1700000000000000000)) (then (return (i32.const 4))))
  (if (call $random (i32.const 32) (i32.const 3)) (then (return (i32.const 5))))
  ;; bytes 13, 13 + 167, 13 + 334 modulo 256
  (if (i32.ne (i32.load (i32.const 32)) (i32.const 0x005bb40d)) (then (return (i32.const 6))))
  ;; 7 + 5 bytes are written
  (if (call $write (i32.const 1) (i32.const 512) (i32.const 2) (i32.const 40)) (then (return (i32.const 7))))
  (if (i32.ne (i32.load (i32.const 40)) (i32.const 12)) (then (return (i32.const 8))))
  ;; standard output is a character device (2) with all rights; there is no other file (8)
  (if (call $stat (i32.const 1) (i32.const 64)) (then (return (i32.const 9))))
  (if (i64.ne (i64.load (i32.const 64)) (i64.const 2)) (then (return (i32.const 10))))
  (if (i64.ne (i64.load (i32.const 80)) (i64.const -1)) (then (return (i32.const 11))))
  (if (i32.ne (call $stat (i32.const 3) (i32.const 64)) (i32.const 8)) (then (return (i32.const 12))))
  (if (i32.ne (call $pre (i32.const 3) (i32.const 64)) (i32.const 8)) (then (return (i32.const 13))))
  ;; a subscription with the user data ABCDEFGH and type 1
  (if (call $poll (i32.const 1024) (i32.const 2048) (i32.const 1) (i32.const 44))
   (then (return (i32.const 14))))
  (if (i64.ne (i64.load (i32.const 2048)) (i64.load (i32.const 1024))) (then (return (i32.const 15))))
  (if (i32.ne (i32.load8_u (i32.const 2058)) (i32.const 1)) (then (return (i32.const 16))))
  (if (i32.ne (i32.load (i32.const 44)) (i32.const 1)) (then (return (i32.const 17))))
  ;; outside of the memory (21)
  (if (i32.ne (call $args (i32.const 0xfffffff0) (i32.const 64)) (i32.const 21))
   (then (return (i32.const 18))))
  (if (i32.ne (call $args (i32.const 65534) (i32.const 64)) (i32.const 21))
   (then (return (i32.const 19))))
  ;; nine arguments; not there (52)
  (if (i32.ne
    (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
     (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 0))
    (i32.const 52)) (then (return (i32.const 20))))
  (i32.const 0)))

;; A command with an export whose name tries to steer the terminal and to look like a line of the report.
(module $hostile
  (memory (export "memory") 1)
  (func $start (export "_start"))
  (func $trick (export "red\1b[31m\0aloads yes")))

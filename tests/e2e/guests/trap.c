// Traps two calls deep, before it reads anything.
__attribute__((noinline)) static void inner_function(volatile int *depth) {
    *depth += 1;
    __builtin_trap();
}

__attribute__((noinline)) static void outer_function(volatile int *depth) {
    inner_function(depth);
    *depth -= 1;
}

int main(void) {
    volatile int depth = 0;
    outer_function(&depth);
    return depth;
}

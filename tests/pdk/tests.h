/* What every test file of the plugin kit includes. */
#ifndef TESTS_PDK_TESTS_H
#define TESTS_PDK_TESTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "memory.h"
#include "world.h"
#include "wplug_pdk.h"

/* JSON in C without quoting; one line. */
#define J(...) #__VA_ARGS__

static inline int world_setup(void **state) {
    (void)state;
    world_begin();
    return 0;
}

static inline int world_teardown(void **state) {
    (void)state;
    world_end();
    return 0;
}

#define WORLD_TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

#endif

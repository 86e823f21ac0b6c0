/* A runtime's bookkeeping of tasks: ids are never used twice, the ready queue is first in first out, timers come out in the
 * order of their times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "host/host.h"

enum { TASKS = 1000 };

typedef struct fixture {
    wplug_runtime *runtime;
    host_task tasks[TASKS];
} fixture;

static int set_up(void **state) {
    fixture *self = calloc(1, sizeof *self);
    if (wplug_runtime_new(NULL, &self->runtime, NULL) != WPLUG_OK) return 1;
    *state = self;
    return 0;
}

static int tear_down(void **state) {
    fixture *self = *state;
    while (self->runtime->tasks) host_queue_remove_task(self->runtime, self->runtime->tasks);
    wplug_status status = wplug_runtime_free(self->runtime);
    free(self);
    return status != WPLUG_OK;
}

static void add(fixture *self, int count) {
    for (int i = 0; i < count; i++) {
        assert_int_equal(host_queue_add_task(self->runtime, &self->tasks[i]), WPLUG_OK);
    }
}

static uint32_t next_random(uint32_t *random) {
    return *random = *random * 1664525 + 1013904223;
}

static void ids_find_their_task_and_are_never_used_twice(void **state) {
    fixture *self = *state;
    wplug_task old[TASKS];
    for (int round = 0; round < 3; round++) {
        add(self, TASKS);
        for (int i = 0; i < TASKS; i++) {
            wplug_task id = self->tasks[i].id;
            assert_int_not_equal(id, 0);
            assert_ptr_equal(host_queue_find(self->runtime, id), &self->tasks[i]);
            if (round > 0) {
                assert_int_not_equal(id, old[i]);
                assert_null(host_queue_find(self->runtime, old[i]));
            }
        }
        for (int i = 0; i < TASKS; i++) {
            old[i] = self->tasks[i].id;
            host_queue_remove_task(self->runtime, &self->tasks[i]);
            assert_null(host_queue_find(self->runtime, old[i]));
            self->tasks[i] = (host_task){.id = 0};
        }
    }
    assert_null(host_queue_find(self->runtime, 0));
    assert_null(host_queue_find(self->runtime, UINT64_MAX));
    assert_int_equal(self->runtime->task_count, 0);
}

static void ready_tasks_come_out_in_order_and_once(void **state) {
    fixture *self = *state;
    add(self, 5);
    static const int order[] = {3, 1, 4, 1, 0, 3};
    for (int i = 0; i < 6; i++) host_queue_push_ready(self->runtime, &self->tasks[order[i]]);
    assert_int_equal(self->runtime->ready_count, 4);
    host_queue_remove_task(self->runtime, &self->tasks[0]); /* the last of the queue */
    host_queue_push_ready(self->runtime, &self->tasks[2]);
    host_queue_remove_task(self->runtime, &self->tasks[1]); /* one in the middle */
    static const int left[] = {3, 4, 2};
    for (int i = 0; i < 3; i++) assert_ptr_equal(host_queue_pop_ready(self->runtime), &self->tasks[left[i]]);
    assert_null(host_queue_pop_ready(self->runtime));
    host_queue_push_ready(self->runtime, &self->tasks[4]);
    assert_ptr_equal(host_queue_pop_ready(self->runtime), &self->tasks[4]);
}

static void timers_come_out_in_the_order_of_their_times(void **state) {
    fixture *self = *state;
    uint32_t random = 7;
    add(self, TASKS);
    for (int i = 0; i < TASKS; i++)
        host_queue_set_timer(self->runtime, &self->tasks[i], next_random(&random) >> 20);
    /* Some are set anew, some are cleared, one waits for ever. */
    for (int i = 0; i < TASKS; i += 3)
        host_queue_set_timer(self->runtime, &self->tasks[i], next_random(&random) >> 20);
    for (int i = 0; i < TASKS; i += 5) host_queue_clear_timer(self->runtime, &self->tasks[i]);
    host_queue_set_timer(self->runtime, &self->tasks[1], UINT64_MAX);
    uint64_t last = 0;
    int count = 0;
    host_task *task;
    while ((task = host_queue_pop_due(self->runtime, UINT64_MAX - 1))) {
        assert_true(task->timer_at >= last);
        assert_int_not_equal((task - self->tasks) % 5, 0);
        assert_int_equal(task->heap_index, HOST_NO_TIMER);
        last = task->timer_at;
        count++;
    }
    assert_int_equal(count, TASKS - TASKS / 5 - 1);
}

static void only_what_is_due_comes_out(void **state) {
    fixture *self = *state;
    add(self, 3);
    host_queue_set_timer(self->runtime, &self->tasks[0], 30);
    host_queue_set_timer(self->runtime, &self->tasks[1], 10);
    host_queue_set_timer(self->runtime, &self->tasks[2], 20);
    assert_null(host_queue_pop_due(self->runtime, 9));
    assert_ptr_equal(host_queue_pop_due(self->runtime, 20), &self->tasks[1]);
    assert_ptr_equal(host_queue_pop_due(self->runtime, 20), &self->tasks[2]);
    assert_null(host_queue_pop_due(self->runtime, 29));
    host_queue_remove_task(self->runtime, &self->tasks[0]);
    assert_null(host_queue_pop_due(self->runtime, 100));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(ids_find_their_task_and_are_never_used_twice),
        TEST(ready_tasks_come_out_in_order_and_once),
        TEST(timers_come_out_in_the_order_of_their_times),
        TEST(only_what_is_due_comes_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

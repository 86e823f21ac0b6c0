/* The bookkeeping of tasks: ids are never used twice, the ready queue is first in first out and gives each priority its
 * share, timers come out in the order of their times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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
    assert_int_equal(self->runtime->ready.count, 4);
    host_queue_remove_task(self->runtime, &self->tasks[0]); /* the last of the queue */
    host_queue_push_ready(self->runtime, &self->tasks[2]);
    host_queue_remove_task(self->runtime, &self->tasks[1]); /* one in the middle */
    static const int left[] = {3, 4, 2};
    for (int i = 0; i < 3; i++) assert_ptr_equal(host_queue_pop_ready(self->runtime), &self->tasks[left[i]]);
    assert_null(host_queue_pop_ready(self->runtime));
    host_queue_push_ready(self->runtime, &self->tasks[4]);
    assert_ptr_equal(host_queue_pop_ready(self->runtime), &self->tasks[4]);
}

/* What `count` turns give where one task of each level in `levels` is always ready. */
static void take_turns(const char *levels, int count, int turns[HOST_LEVELS], char *order) {
    host_levels ready = {.count = 0};
    host_place places[HOST_LEVELS] = {{.level = 0}};
    for (; *levels; levels++) {
        int level = *levels - '0';
        places[level].level = (uint8_t)level;
        host_levels_push(&ready, &places[level]);
    }
    memset(turns, 0, HOST_LEVELS * sizeof *turns);
    for (int i = 0; i < count; i++) {
        host_place *place = host_levels_pop(&ready);
        turns[place->level]++;
        if (order) *order++ = (char)('0' + place->level);
        host_levels_push(&ready, place);
    }
    if (order) *order = 0;
}

static void a_level_gets_four_turns_for_each_one_below_it(void **state) {
    int turns[HOST_LEVELS];
    char order[64];
    take_turns("02", 15, turns, order);
    assert_string_equal(order, "000020000200002");
    take_turns("024", 25, turns, order);
    assert_string_equal(order, "0000200002000020000200004");
    take_turns("3", 3, turns, order);
    assert_string_equal(order, "333");
    /* All five: the least urgent has one turn in 5 * 5 * 5 * 5, and the others share the rest. */
    take_turns("01234", 625, turns, NULL);
    assert_int_equal(turns[0], 500);
    assert_int_equal(turns[1], 100);
    assert_int_equal(turns[2], 20);
    assert_int_equal(turns[3], 4);
    assert_int_equal(turns[4], 1);
}

static void who_becomes_ready_while_others_run_has_a_turn_soon(void **state) {
    host_levels ready = {.count = 0};
    host_place urgent[3] = {{.level = 0}}, idle = {.level = 4};
    for (int i = 0; i < 3; i++) host_levels_push(&ready, &urgent[i]);
    /* Urgent tasks had all turns so far: the one below them has the next. */
    for (int i = 0; i < 100; i++) host_levels_push(&ready, host_levels_pop(&ready));
    host_levels_push(&ready, &idle);
    assert_ptr_equal(host_levels_pop(&ready), &idle);
    /* And urgent ones come first where it had all turns. */
    for (int i = 0; i < 3; i++) host_levels_remove(&ready, &urgent[i]);
    host_levels_push(&ready, &idle);
    for (int i = 0; i < 100; i++) host_levels_push(&ready, host_levels_pop(&ready));
    host_levels_push(&ready, &urgent[1]);
    assert_ptr_equal(host_levels_pop(&ready), &urgent[1]);
    assert_ptr_equal(host_levels_pop(&ready), &idle);
    assert_null(host_levels_pop(&ready));
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
        assert_true(task->timer.at >= last);
        assert_int_not_equal((task - self->tasks) % 5, 0);
        assert_int_equal(task->timer.index, HOST_NO_TIMER);
        last = task->timer.at;
        count++;
    }
    assert_int_equal(count, TASKS - TASKS / 5 - 1);
}

/* Deadlines of calls with one limit, some of which end early, between others that are set back and forth. */
static void timers_that_are_set_in_order_come_out_between_others(void **state) {
    fixture *self = *state;
    uint32_t random = 11;
    add(self, TASKS);
    for (int i = 0; i < TASKS; i++) {
        uint64_t at = i % 4 == 3 ? next_random(&random) >> 20 : 1000 + (uint64_t)(i / 8);
        host_queue_set_timer(self->runtime, &self->tasks[i], at);
    }
    for (int i = 0; i < TASKS; i += 7) host_queue_clear_timer(self->runtime, &self->tasks[i]);
    for (int i = 1; i < TASKS; i += 7)
        host_queue_set_timer(self->runtime, &self->tasks[i], 500 + (uint64_t)i);
    uint64_t last = 0;
    int count = 0;
    for (host_task *task; (task = host_queue_pop_due(self->runtime, UINT64_MAX - 1)); count++) {
        assert_true(task->timer.at >= last);
        assert_int_not_equal((task - self->tasks) % 7, 0);
        last = task->timer.at;
    }
    assert_int_equal(count, TASKS - (TASKS + 6) / 7);
}

static bool is_set(const host_task *task) {
    return task->timer.index != HOST_NO_TIMER;
}

/* Anything in any order, compared with a search through all of them. Equal times, times that go up as those of deadlines
 * do, timers that are set again wherever they are, and UINT64_MAX, which is never. */
static void timers_are_what_a_search_would_find(void **state) {
    fixture *self = *state;
    enum { FEW = 40 };
    add(self, FEW);
    uint64_t at[FEW], base = 1000;
    uint32_t random = 5;
    for (int i = 0; i < FEW; i++) at[i] = UINT64_MAX;
    for (int step = 0; step < 20000; step++) {
        int which = (int)((next_random(&random) >> 16) % FEW);
        uint32_t what = (next_random(&random) >> 16) % 8;
        uint64_t first = UINT64_MAX;
        if (what < 3) at[which] = base += what;
        if (what == 3) at[which] = base - (next_random(&random) >> 16) % 50;
        if (what == 4) at[which] = UINT64_MAX;
        if (what <= 4) host_queue_set_timer(self->runtime, &self->tasks[which], at[which]);
        if (what == 5) {
            at[which] = UINT64_MAX;
            host_queue_clear_timer(self->runtime, &self->tasks[which]);
        }
        for (int i = 0; i < FEW; i++) {
            if (at[i] < first) first = at[i];
            assert_int_equal(is_set(&self->tasks[i]), at[i] != UINT64_MAX);
        }
        assert_int_equal(host_timers_next(&self->runtime->timers), first);
        if (what < 6) continue;
        assert_null(host_queue_pop_due(self->runtime, first - 1));
        host_task *task = host_queue_pop_due(self->runtime, first);
        assert_int_equal(task != NULL, first != UINT64_MAX);
        if (!task) continue;
        assert_int_equal(at[task - self->tasks], first);
        at[task - self->tasks] = UINT64_MAX;
    }
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
        TEST(a_level_gets_four_turns_for_each_one_below_it),
        TEST(who_becomes_ready_while_others_run_has_a_turn_soon),
        TEST(timers_come_out_in_the_order_of_their_times),
        TEST(timers_that_are_set_in_order_come_out_between_others),
        TEST(timers_are_what_a_search_would_find),
        TEST(only_what_is_due_comes_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

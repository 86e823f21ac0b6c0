/* The runtime and the guest that tests of calls, host methods and the runtime start from. */
#ifndef WPLUG_TESTS_FIXTURE_H
#define WPLUG_TESTS_FIXTURE_H

#include "helper.h"

/* A runtime with the method echo and a recorded log, and the guest that acts out scripts. */
typedef struct fixture {
    wplug_runtime *runtime;
    wplug_plugin *actor;
    record log;
    wplug_request *kept[64]; /* requests that a test's host method keeps */
    int kept_count;
    int wakes;
    call_end inner; /* of a call started in a callback */
} fixture;

#define FIXTURE fixture *self = *state

static UNUSED int set_up(void **state) {
    fixture *self = calloc(1, sizeof *self);
    self->runtime = new_runtime();
    self->actor = load(ACTOR, NULL);
    wplug_runtime_set_log(self->runtime, record_log, &self->log);
    wplug_runtime_set_method(self->runtime, "echo", echo, NULL);
    *state = self;
    return 0;
}

/* Whatever the test did to it, the runtime still works, unless the test freed it. */
static UNUSED int tear_down(void **state) {
    fixture *self = *state;
    if (self->runtime) {
        expect_result(self->runtime, self->actor, "answer 1", "1");
        assert_int_equal(wplug_runtime_free(self->runtime), WPLUG_OK);
    }
    wplug_plugin_release(self->actor);
    free(self);
    return 0;
}

#endif

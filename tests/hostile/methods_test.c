/* Host methods: who may call which, and answers given at once, later, from other threads, twice, too late or not at all. */
#include "fixture.h"

#include <pthread.h>
#include <unistd.h>

#define ANSWER(x)  "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":" x "}"
#define FAILURE(x) "{\"jsonrpc\":\"2.0\",\"id\":0,\"error\":" x "}"

/* A method that keeps its request for the test to answer. */
static void keep(void *user, wplug_request *request) {
    fixture *self = user;
    self->kept[self->kept_count++] = wplug_request_retain(request);
}

/* Steps until the actor's request was kept. */
static wplug_request *step_to_request(fixture *self) {
    int before = self->kept_count;
    while (self->kept_count == before) assert_int_equal(wplug_runtime_step(self->runtime, 0, NULL), WPLUG_OK);
    return self->kept[before];
}

static void expect_last(fixture *self, call_end *ending, const char *json) {
    assert_int_equal(wplug_runtime_run(self->runtime), WPLUG_OK);
    assert_int_equal(ending->count, 1);
    assert_string_equal(ending->result->message, "");
    assert_string_equal(ending->result->json, json);
    expect_ending(ending, WPLUG_OK);
}

/* ---- What a handler sees ---- */

static void look(void *user, wplug_request *request) {
    fixture *self = user;
    size_t size;
    assert_string_equal(wplug_request_method(request), "look");
    assert_string_equal(wplug_request_params(request, &size), "{\"a\": [1e400]}");
    assert_int_equal(size, 14);
    assert_false(wplug_request_is_notification(request));
    assert_true(wplug_request_is_open(request));
    assert_ptr_equal(wplug_request_plugin(request), self->actor);
    assert_ptr_equal(wplug_request_context(request), &self->log);
    assert_ptr_equal(wplug_request_runtime(request), self->runtime);
    wplug_task_info info = {.size = sizeof info};
    assert_int_equal(wplug_task_inspect(self->runtime, wplug_request_task(request), &info), WPLUG_OK);
    assert_int_equal(info.host_calls, 1);
    assert_int_equal(wplug_request_result(request, "{\n\"pretty\" : true\r\n}"), WPLUG_OK);
    assert_false(wplug_request_is_open(request));
}

static void a_handler_sees_method_params_and_caller(void **state) {
    FIXTURE;
    wplug_runtime_set_method(self->runtime, "look", look, self);
    wplug_call_options options;
    wplug_call_options_init(&options);
    options.context = &self->log;
    call_end ending = {0, 0, NULL};
    start_with(self->runtime, self->actor, &options, "ask look {\"a\": [1e400]}\nwait\nlast", &ending);
    /* The answer fits on one line, whatever line ends the embedder wrote. */
    expect_last(self, &ending, ANSWER("{ \"pretty\" : true  }"));
}

static void missing_params_are_null(void **state) {
    FIXTURE;
    expect_result(self->runtime, self->actor,
                  "out {\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"echo\"}\nwait\nlast", ANSWER("null"));
}

static void ids_of_any_kind_come_back_as_they_were_written(void **state) {
    FIXTURE;
    expect_result(self->runtime, self->actor,
                  "out {\"jsonrpc\":\"2.0\",\"id\":\"\\u00e4\",\"method\":\"echo\",\"params\":1}\nwait\nlast",
                  "{\"jsonrpc\":\"2.0\",\"id\":\"\\u00e4\",\"result\":1}");
    expect_result(
        self->runtime, self->actor,
        "out {\"jsonrpc\":\"2.0\",\"id\":18446744073709551616,\"method\":\"echo\",\"params\":1}\nwait\nlast",
        "{\"jsonrpc\":\"2.0\",\"id\":18446744073709551616,\"result\":1}");
}

static void note_notification(void *user, wplug_request *request) {
    record *log = user;
    note(log, "%s %s %d\n", wplug_request_method(request), wplug_request_params(request, NULL),
         wplug_request_is_notification(request));
    assert_int_equal(wplug_request_result(request, "1"), WPLUG_OK); /* goes nowhere */
    assert_int_equal(wplug_request_result(request, "1"), WPLUG_OK);
}

static void a_notification_gets_no_answer(void **state) {
    FIXTURE;
    record seen = {""};
    wplug_runtime_set_method(self->runtime, "tick", note_notification, &seen);
    expect_result(self->runtime, self->actor, "tell tick 1\ntell unknown 2\nask echo 3\nwait\nlast",
                  ANSWER("3"));
    assert_string_equal(seen.text, "tick 1 1\n");
}

static void a_batch_is_answered_as_a_batch(void **state) {
    FIXTURE;
    expect_result(
        self->runtime, self->actor,
        "out [{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":1},"
        "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":2},"
        "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"echo\",\"params\":3}]\nwait\nlast",
        "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1},{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":3}]");
}

/* ---- Which methods there are ---- */

static void an_unknown_method_is_not_found(void **state) {
    FIXTURE;
    expect_result(self->runtime, self->actor, "ask nothing 1\nwait\nlast",
                  FAILURE("{\"code\":-32601,\"message\":\"Method not found: nothing\"}"));
    wplug_runtime_set_method(self->runtime, "echo", NULL, NULL);
    expect_result(self->runtime, self->actor, "ask echo 1\nwait\nlast",
                  FAILURE("{\"code\":-32601,\"message\":\"Method not found: echo\"}"));
}

static void name_itself(void *user, wplug_request *request) {
    char json[64];
    snprintf(json, sizeof json, "[\"%s\", \"%s\"]", wplug_request_method(request), (const char *)user);
    wplug_request_result(request, json);
}

static void each_name_finds_its_method_and_others_the_default(void **state) {
    FIXTURE;
    static const char *const names[] = {"m", "z", "a", "q", "b", "zz", "aa", "c", "", "y", "x", "w"};
    for (int i = 0; i < 12; i++) {
        assert_int_equal(wplug_runtime_set_method(self->runtime, names[i], name_itself, "own"), WPLUG_OK);
    }
    wplug_runtime_set_default_method(self->runtime, name_itself, "default");
    wplug_runtime_set_method(self->runtime, "b", NULL, NULL);
    wplug_runtime_set_method(self->runtime, "q", name_itself, "replaced");
    wplug_runtime_set_method(self->runtime, "never", NULL, NULL);
    expect_result(self->runtime, self->actor, "ask aa 1\nwait\nlast", ANSWER("[\"aa\", \"own\"]"));
    expect_result(self->runtime, self->actor, "ask zz 1\nwait\nlast", ANSWER("[\"zz\", \"own\"]"));
    expect_result(self->runtime, self->actor, "ask q 1\nwait\nlast", ANSWER("[\"q\", \"replaced\"]"));
    expect_result(self->runtime, self->actor, "ask b 1\nwait\nlast", ANSWER("[\"b\", \"default\"]"));
    expect_result(self->runtime, self->actor, "ask zzz 1\nwait\nlast", ANSWER("[\"zzz\", \"default\"]"));
}

static void a_plugin_sees_only_what_its_list_allows(void **state) {
    FIXTURE;
    static const char *const list[] = {"echo", "other"};
    wplug_plugin_options options;
    wplug_plugin_options_init(&options);
    options.allow = list;
    options.allow_count = 2;
    wplug_plugin *actor = load(ACTOR, &options);
    wplug_runtime_set_default_method(self->runtime, name_itself, "default");
    expect_result(self->runtime, actor, "ask echo 1\nwait\nlast", ANSWER("1"));
    expect_result(self->runtime, actor, "ask other 1\nwait\nlast", ANSWER("[\"other\", \"default\"]"));
    expect_result(self->runtime, actor, "ask echo2 1\nwait\nlast",
                  FAILURE("{\"code\":-32601,\"message\":\"Method not found: echo2\"}"));
    expect_result(self->runtime, actor, "ask ech 1\nwait\nlast",
                  FAILURE("{\"code\":-32601,\"message\":\"Method not found: ech\"}"));
    wplug_plugin_release(actor);
    options.allow_count = 0;
    actor = load(ACTOR, &options);
    expect_result(self->runtime, actor, "ask echo 1\nwait\nlast",
                  FAILURE("{\"code\":-32601,\"message\":\"Method not found: echo\"}"));
    wplug_plugin_release(actor);
}

static void a_name_with_a_zero_byte_is_no_other_name(void **state) {
    FIXTURE;
    wplug_runtime_set_default_method(self->runtime, name_itself, "default");
    wplug_result *result =
        act(self->runtime, self->actor,
            "out {\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"echo\\u0000x\",\"params\":1}\nwait\nlast");
    assert_int_equal(result->status, WPLUG_OK);
    expect_contains(result->json, "-32601");
    wplug_result_release(result);
}

/* ---- When answers come ---- */

static void fail_with(void *user, wplug_request *request) {
    assert_int_equal(wplug_request_error(request, -5, "no \"luck\"", "{\"why\":1}"), WPLUG_OK);
}

static void errors_arrive_with_code_message_and_data(void **state) {
    FIXTURE;
    wplug_runtime_set_method(self->runtime, "fail", fail_with, NULL);
    expect_result(self->runtime, self->actor, "ask fail 1\nwait\nlast",
                  FAILURE("{\"code\":-5,\"message\":\"no \\\"luck\\\"\",\"data\":{\"why\":1}}"));
}

static void answers_may_come_later_and_in_any_order(void **state) {
    FIXTURE;
    call_end ending = {0, 0, NULL};
    wplug_runtime_set_method(self->runtime, "keep", keep, self);
    start(self->runtime, self->actor, "ask keep 1\nask keep 2\nask echo 3\nwait\nerr got\nwait\nwait\nlast",
          &ending);
    while (self->kept_count < 2) wplug_runtime_step(self->runtime, 0, NULL);
    wplug_next next;
    do wplug_runtime_step(self->runtime, 0, &next);
    while (next.when == WPLUG_NOW);
    assert_string_equal(self->log.text, "got\n"); /* echo's answer came first */
    assert_int_equal(next.when, WPLUG_AT);        /* the time limit; nothing else to do */
    assert_int_equal(wplug_request_result(self->kept[1], "22"), WPLUG_OK);
    assert_int_equal(wplug_request_result(self->kept[0], "11"), WPLUG_OK);
    expect_last(self, &ending, ANSWER("11"));
    wplug_request_release(self->kept[0]);
    wplug_request_release(self->kept[1]);
}

static void a_second_answer_is_misuse(void **state) {
    FIXTURE;
    call_end ending = {0, 0, NULL};
    wplug_runtime_set_method(self->runtime, "keep", keep, self);
    start(self->runtime, self->actor, "ask keep 1\nwait\nlast", &ending);
    wplug_request *request = step_to_request(self);
    assert_int_equal(wplug_request_result(request, "1"), WPLUG_OK);
    assert_int_equal(wplug_request_result(request, "2"), WPLUG_MISUSE);
    assert_int_equal(wplug_request_error(request, 1, "x", NULL), WPLUG_MISUSE);
    expect_last(self, &ending, ANSWER("1"));
    assert_int_equal(wplug_request_result(request, "3"), WPLUG_MISUSE);
    wplug_request_release(request);
}

static void an_answer_after_the_end_is_harmless(void **state) {
    FIXTURE;
    call_end ending = {0, 0, NULL};
    wplug_runtime_set_method(self->runtime, "keep", keep, self);
    start(self->runtime, self->actor, "ask keep 1\nanswer 5", &ending);
    wplug_request *request = step_to_request(self);
    assert_int_equal(wplug_runtime_run(self->runtime), WPLUG_OK);
    expect_ending(&ending, WPLUG_OK);
    assert_false(wplug_request_is_open(request));
    assert_int_equal(wplug_request_result(request, "1"), WPLUG_GONE);
    assert_int_equal(wplug_request_error(request, 1, NULL, NULL), WPLUG_GONE);
    assert_string_equal(wplug_request_params(request, NULL), "1"); /* still readable */
    wplug_request_release(request);
}

static void an_answer_after_the_runtime_is_freed_is_harmless(void **state) {
    FIXTURE;
    call_end ending = {0, 0, NULL};
    wplug_runtime_set_method(self->runtime, "keep", keep, self);
    start(self->runtime, self->actor, "ask keep 1\nwait\nlast", &ending);
    wplug_request *request = step_to_request(self);
    assert_int_equal(wplug_runtime_free(self->runtime), WPLUG_OK);
    self->runtime = NULL;
    expect_ending(&ending, WPLUG_CANCELLED);
    assert_null(wplug_request_runtime(request));
    assert_string_equal(wplug_plugin_name(wplug_request_plugin(request)), "actor");
    assert_int_equal(wplug_request_result(request, "1"), WPLUG_GONE);
    wplug_request_release(request);
}

/* The first answer drops the embedder's only handle and makes it anew from the request; both twice too often. */
static void swap_handles(void *user, wplug_request *request) {
    fixture *self = user;
    wplug_plugin *plugin = wplug_request_plugin(request);
    for (int i = 0; i < 3; i++) wplug_plugin_release(self->actor);
    assert_string_equal(wplug_plugin_name(plugin), "actor");
    self->actor = wplug_plugin_retain(plugin);
    assert_ptr_equal(self->actor, plugin);
    start(self->runtime, self->actor, "answer 7", &self->inner);
    assert_int_equal(wplug_request_result(request, "1"), WPLUG_OK);
}

static void a_plugin_lives_on_in_its_calls_and_can_be_held_again(void **state) {
    FIXTURE;
    call_end ending = {0, 0, NULL};
    wplug_runtime_set_method(self->runtime, "swap", swap_handles, self);
    start(self->runtime, self->actor, "ask swap 1\nwait\nlast", &ending);
    expect_last(self, &ending, ANSWER("1"));
    assert_string_equal(self->inner.result->json, "7");
    expect_ending(&self->inner, WPLUG_OK);
    /* A request that is kept keeps the plugin, when handle, call and runtime are gone. */
    wplug_runtime_set_method(self->runtime, "keep", keep, self);
    start(self->runtime, self->actor, "ask keep 1\nwait", &ending);
    wplug_request *request = step_to_request(self);
    wplug_plugin_release(self->actor);
    self->actor = NULL;
    assert_int_equal(wplug_runtime_free(self->runtime), WPLUG_OK);
    self->runtime = NULL;
    wplug_result_release(ending.result);
    assert_string_equal(wplug_plugin_name(wplug_request_plugin(request)), "actor");
    wplug_request_release(request);
}

static void forget(void *user, wplug_request *request) {}

static void a_request_that_nobody_answers_is_answered_with_an_error(void **state) {
    FIXTURE;
    wplug_runtime_set_method(self->runtime, "forget", forget, NULL);
    expect_result(self->runtime, self->actor, "ask forget 1\nwait\nlast",
                  FAILURE("{\"code\":-32603,\"message\":\"the host method gave no answer\"}"));
    /* Also where it is dropped later, the last of several holders counting. */
    call_end ending = {0, 0, NULL};
    wplug_runtime_set_method(self->runtime, "keep", keep, self);
    start(self->runtime, self->actor, "ask keep 1\nwait\nlast", &ending);
    wplug_request *request = step_to_request(self);
    assert_ptr_equal(wplug_request_retain(request), request);
    wplug_request_release(request);
    assert_true(wplug_request_is_open(request));
    wplug_request_release(request);
    expect_last(self, &ending, FAILURE("{\"code\":-32603,\"message\":\"the host method gave no answer\"}"));
}

static void answer_badly(void *user, wplug_request *request) {
    assert_int_equal(wplug_request_result(request, "{"), WPLUG_BAD_JSON);
    assert_int_equal(wplug_request_result(request, "1 2"), WPLUG_BAD_JSON);
    assert_int_equal(wplug_request_error(request, 1, "x", "nope"), WPLUG_BAD_JSON);
    assert_true(wplug_request_is_open(request));
    assert_int_equal(wplug_request_result(request, NULL), WPLUG_OK);
}

static void an_answer_that_is_not_json_is_refused_and_can_be_given_again(void **state) {
    FIXTURE;
    wplug_runtime_set_method(self->runtime, "bad", answer_badly, NULL);
    expect_result(self->runtime, self->actor, "ask bad 1\nwait\nlast", ANSWER("null"));
}

static void answer_at_length(void *user, wplug_request *request) {
    char *json = malloc(20001);
    memset(json, '1', 20000);
    json[20000] = 0;
    assert_int_equal(wplug_request_result(request, json), WPLUG_OK);
    free(json);
}

static void an_answer_over_the_message_limit_ends_the_call(void **state) {
    FIXTURE;
    wplug_limits limits;
    wplug_limits_init(&limits);
    limits.message_bytes = 10000;
    wplug_runtime_set_method(self->runtime, "long", answer_at_length, NULL);
    expect_end_within(self->runtime, self->actor, &limits, "ask long 1\nwait\nlast", WPLUG_MESSAGE_LIMIT,
                      "\"long\"");
}

static void too_many_open_requests_end_the_call(void **state) {
    FIXTURE;
    wplug_limits limits;
    wplug_limits_init(&limits);
    limits.host_calls = 3;
    wplug_runtime_set_method(self->runtime, "keep", keep, self);
    expect_end_within(self->runtime, self->actor, &limits,
                      "ask keep 1\nask keep 2\nask keep 3\nask keep 4\nwait", WPLUG_HOST_CALL_LIMIT,
                      "more than 3 requests");
    assert_int_equal(self->kept_count, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(wplug_request_result(self->kept[i], "1"), WPLUG_GONE);
        wplug_request_release(self->kept[i]);
    }
}

/* ---- Other threads ---- */

static void *answer_on_thread(void *user) {
    wplug_request *request = user;
    usleep(2000);
    assert_int_equal(wplug_request_result(request, wplug_request_params(request, NULL)), WPLUG_OK);
    assert_int_equal(wplug_request_result(request, "2"), WPLUG_MISUSE);
    assert_null(wplug_request_runtime(request));
    wplug_request_release(request);
    return NULL;
}

static void hand_to_thread(void *user, wplug_request *request) {
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, answer_on_thread, wplug_request_retain(request)), 0);
    pthread_detach(thread);
}

static void another_thread_may_answer(void **state) {
    if (!HAS_THREADS) skip();
    FIXTURE;
    wplug_runtime_set_method(self->runtime, "thread", hand_to_thread, NULL);
    expect_result(self->runtime, self->actor, "ask thread [7]\nwait\nlast", ANSWER("[7]"));
}

static void *drop_on_thread(void *user) {
    wplug_request_release(user);
    return NULL;
}

static void hand_to_careless_thread(void *user, wplug_request *request) {
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, drop_on_thread, wplug_request_retain(request)), 0);
    pthread_detach(thread);
}

static void another_thread_may_drop_the_request(void **state) {
    if (!HAS_THREADS) skip();
    FIXTURE;
    wplug_runtime_set_method(self->runtime, "thread", hand_to_careless_thread, NULL);
    expect_result(self->runtime, self->actor, "ask thread 1\nwait\nlast",
                  FAILURE("{\"code\":-32603,\"message\":\"the host method gave no answer\"}"));
}

/* Many threads answer one request: exactly one of them may. */
typedef struct race {
    wplug_request *request;
    int won;
} race;

static void *race_to_answer(void *user) {
    race *own = user;
    own->won = wplug_request_result(own->request, "1") == WPLUG_OK;
    wplug_request_release(own->request);
    return NULL;
}

static void of_many_threads_that_answer_one_wins(void **state) {
    if (!HAS_THREADS) skip();
    FIXTURE;
    enum { THREADS = 8, ROUNDS = 20 };
    wplug_runtime_set_method(self->runtime, "keep", keep, self);
    for (int round = 0; round < ROUNDS; round++) {
        call_end ending = {0, 0, NULL};
        start(self->runtime, self->actor, "ask keep 1\nwait\nlast", &ending);
        wplug_request *request = step_to_request(self);
        pthread_t threads[THREADS];
        race races[THREADS];
        for (int i = 0; i < THREADS; i++) {
            races[i] = (race){wplug_request_retain(request), 0};
            pthread_create(&threads[i], NULL, race_to_answer, &races[i]);
        }
        wplug_request_release(request);
        expect_last(self, &ending, ANSWER("1"));
        int winners = 0;
        for (int i = 0; i < THREADS; i++) {
            pthread_join(threads[i], NULL);
            winners += races[i].won;
        }
        assert_int_equal(winners, 1);
    }
}

/* Threads answer while the runtime ends the calls, and is freed. */
static void answers_may_race_with_the_end(void **state) {
    if (!HAS_THREADS) skip();
    FIXTURE;
    enum { THREADS = 32 };
    wplug_runtime_set_method(self->runtime, "keep", keep, self);
    call_end endings[THREADS] = {{0, 0, NULL}};
    for (int i = 0; i < THREADS; i++)
        start(self->runtime, self->actor, "ask keep 1\nwait\nlast", &endings[i]);
    while (self->kept_count < THREADS) wplug_runtime_step(self->runtime, 0, NULL);
    pthread_t threads[THREADS];
    race races[THREADS];
    for (int i = 0; i < THREADS; i++) {
        races[i] = (race){self->kept[i], 0};
        pthread_create(&threads[i], NULL, race_to_answer, &races[i]);
        if (i % 3 == 0) wplug_runtime_step(self->runtime, 0, NULL);
    }
    assert_int_equal(wplug_runtime_free(self->runtime), WPLUG_OK);
    self->runtime = NULL;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(endings[i].count, 1);
        wplug_result_release(endings[i].result);
    }
}

/* ---- Misuse ---- */

static void nothing_is_no_request(void **state) {
    assert_int_equal(wplug_request_result(NULL, "1"), WPLUG_MISUSE);
    assert_int_equal(wplug_request_error(NULL, 1, "x", NULL), WPLUG_MISUSE);
    assert_null(wplug_request_retain(NULL));
    wplug_request_release(NULL);
    assert_string_equal(wplug_request_method(NULL), "");
    size_t size = 5;
    assert_string_equal(wplug_request_params(NULL, &size), "");
    assert_int_equal(size, 0);
    assert_false(wplug_request_is_open(NULL));
    assert_false(wplug_request_is_notification(NULL));
    assert_null(wplug_request_plugin(NULL));
    assert_null(wplug_request_runtime(NULL));
    assert_null(wplug_request_context(NULL));
    assert_int_equal(wplug_request_task(NULL), 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_handler_sees_method_params_and_caller),
        TEST(missing_params_are_null),
        TEST(ids_of_any_kind_come_back_as_they_were_written),
        TEST(a_notification_gets_no_answer),
        TEST(a_batch_is_answered_as_a_batch),
        TEST(an_unknown_method_is_not_found),
        TEST(each_name_finds_its_method_and_others_the_default),
        TEST(a_plugin_sees_only_what_its_list_allows),
        TEST(a_name_with_a_zero_byte_is_no_other_name),
        TEST(errors_arrive_with_code_message_and_data),
        TEST(answers_may_come_later_and_in_any_order),
        TEST(a_second_answer_is_misuse),
        TEST(an_answer_after_the_end_is_harmless),
        TEST(an_answer_after_the_runtime_is_freed_is_harmless),
        TEST(a_plugin_lives_on_in_its_calls_and_can_be_held_again),
        TEST(a_request_that_nobody_answers_is_answered_with_an_error),
        TEST(an_answer_that_is_not_json_is_refused_and_can_be_given_again),
        TEST(an_answer_over_the_message_limit_ends_the_call),
        TEST(too_many_open_requests_end_the_call),
        TEST(another_thread_may_answer),
        TEST(another_thread_may_drop_the_request),
        TEST(of_many_threads_that_answer_one_wins),
        TEST(answers_may_race_with_the_end),
        TEST(nothing_is_no_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

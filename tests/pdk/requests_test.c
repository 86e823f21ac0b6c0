/* Requests and how they are answered: params in every form, results, errors, and mistakes of the plugin. */
#include "tests.h"

/* ---- A plugin with a method for each way to read and answer ---- */

static void sum(wplug_request *request) {
    double total = wplug_param_double(request, "a") + wplug_param_double_or(request, "b", 0.5);
    wplug_result_double(request, total);
}

static void describe(wplug_request *request) {
    wplug_writer *result = wplug_result(request);
    wplug_begin_array(result);
    wplug_write_text(result, wplug_param_text(request, "text"));
    wplug_write_bool(result, wplug_param_bool(request, "flag"));
    wplug_write_int64(result, wplug_param_int64(request, "int"));
    wplug_write_uint64(result, wplug_param_uint64(request, "uint"));
    wplug_write_int64(result, wplug_param_int64_in(request, "small", -1, 10));
    wplug_write_bool(result, wplug_param_given(request, "other"));
    wplug_write_value(result, wplug_param(request, "other"));
    wplug_end_array(result);
}

static void fallbacks(wplug_request *request) {
    wplug_writer *result = wplug_result(request);
    wplug_begin_array(result);
    wplug_write_text(result, wplug_param_text_or(request, "text", "none"));
    wplug_write_bool(result, wplug_param_bool_or(request, "flag", true));
    wplug_write_int64(result, wplug_param_int64_or(request, "int", -7));
    wplug_write_uint64(result, wplug_param_uint64_or(request, "uint", 7));
    wplug_write_double(result, wplug_param_double_or(request, "double", 1.5));
    wplug_end_array(result);
}

static void echo(wplug_request *request) {
    wplug_result_value(request, wplug_params(request));
}

static void walk(wplug_request *request) {
    double total = 0;
    for (wplug_each each = wplug_each_in(wplug_param(request, "points")); wplug_next(&each);) {
        total += wplug_value_double(wplug_value_member(each.value, "x"));
        total += wplug_value_double_or(wplug_value_at(wplug_value_member(each.value, "more"), 1), 0);
    }
    wplug_result_double(request, total);
}

static void keys(wplug_request *request) {
    wplug_writer *result = wplug_result(request);
    wplug_begin_array(result);
    for (wplug_each each = wplug_each_in(wplug_param(request, "object")); wplug_next(&each);) {
        wplug_write_text(result, each.key);
        wplug_write_uint64(result, each.index);
    }
    wplug_end_array(result);
}

static void count(wplug_request *request) {
    wplug_result_uint64(request, wplug_value_count(wplug_param(request, "of")));
}

static void nested(wplug_request *request) {
    wplug_value options = wplug_param(request, "options");
    int64_t depth = wplug_value_int64(wplug_value_member(wplug_value_member(options, "limits"), "depth"));
    wplug_result_int64(request, depth);
}

static void parse(wplug_request *request) {
    wplug_value value = wplug_parse(request, "settings.json", wplug_param_text(request, "json"));
    wplug_result_int64(request, wplug_value_int64(wplug_value_member(value, "a")));
}

static void third(wplug_request *request) {
    wplug_result_int64(request, wplug_value_int64(wplug_value_at(wplug_params(request), 2)));
}

static void pieces(wplug_request *request) {
    wplug_writer *result = wplug_result(request);
    wplug_begin_object(result);
    wplug_key(result, "text");
    wplug_begin_text(result);
    wplug_add_string(result, "say \"");
    wplug_add_string(result, "");
    wplug_add_string(result, "h\u00e9\"\n");
    wplug_end_text(result);
    wplug_member_null(result, "nothing");
    wplug_key(result, "empty");
    wplug_begin_text(result);
    wplug_end_text(result);
    wplug_key(result, "format");
    wplug_write_textf(result, "%d%% of %s", 5, "all");
    wplug_end_object(result);
}

static void refuse(wplug_request *request) {
    wplug_error(request, 42, "no %s today", "fish");
}

static void refuse_with_data(wplug_request *request) {
    wplug_writer *data = wplug_error_with_data(request, 43, "see data");
    wplug_begin_array(data);
    wplug_write_int64(data, 1);
    wplug_end_array(data);
}

static void fail_plainly(wplug_request *request) {
    wplug_fail(request, "broken");
}

static void change_mind(wplug_request *request) {
    wplug_begin_array(wplug_result(request));
    wplug_error(request, 1, "rather not");
}

static void forget(wplug_request *request) {
    (void)request;
}

static void unfinished(wplug_request *request) {
    wplug_begin_object(wplug_result(request));
}

static void twice(wplug_request *request) {
    wplug_result_int64(request, 1);
    wplug_result_int64(request, 2);
}

static void bad_writing(wplug_request *request) {
    wplug_writer *result = wplug_result(request);
    wplug_begin_object(result);
    wplug_write_int64(result, 1); /* no key */
    wplug_member_int64(result, "a", 1);
    wplug_end_object(result);
}

static void infinite(wplug_request *request) {
    wplug_result_double(request, 1e308 * 10);
}

static void open_text(wplug_request *request) {
    wplug_writer *result = wplug_result(request);
    wplug_begin_text(result);
    wplug_write_int64(result, 1);
}

static bool went_on;

static void careless(wplug_request *request) {
    wplug_text text = wplug_param_text(request, "text");
    went_on = text.size == 0 && wplug_failed(request);
    wplug_result_text(request, text);
}

static void who(wplug_request *request) {
    wplug_log(WPLUG_LOG_INFO, "%.*s, notification: %s", WPLUG_TEXT(wplug_request_method(request)),
              wplug_is_notification(request) ? "yes" : "no");
    wplug_result_text(request, wplug_request_method(request));
}

static void register_methods(void) {
    wplug_method("sum", sum, .params = {{"a"}, {"b", .optional = true}});
    wplug_method("describe", describe,
                 .params = {{"text"}, {"flag"}, {"int"}, {"uint"}, {"small"}, {"other", .optional = true}});
    wplug_method("fallbacks", fallbacks);
    wplug_method("echo", echo);
    wplug_method("walk", walk, .params = {{"points"}});
    wplug_method("keys", keys, .params = {{"object"}});
    wplug_method("count", count, .params = {{"of", .optional = true}});
    wplug_method("nested", nested, .params = {{"options", .optional = true}});
    wplug_method("parse", parse, .params = {{"json"}});
    wplug_method("third", third, .params = {{"first", .optional = true}});
    wplug_method("pieces", pieces);
    wplug_method("refuse", refuse);
    wplug_method("refuse_with_data", refuse_with_data);
    wplug_method("fail", fail_plainly);
    wplug_method("change_mind", change_mind);
    wplug_method("forget", forget);
    wplug_method("unfinished", unfinished);
    wplug_method("twice", twice);
    wplug_method("bad_writing", bad_writing);
    wplug_method("infinite", infinite);
    wplug_method("open_text", open_text);
    wplug_method("careless", careless, .params = {{"text"}});
    wplug_method("who", who);
}

/* ---- Helpers ---- */

/* Calls a method in a world of its own and checks the whole output. */
static void assert_answer(const char *method, const char *params, const char *expected) {
    world_end();
    world_begin();
    world_send("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"");
    world_send(method);
    world_send("\",\"params\":");
    world_send(params);
    world_send("}\n");
    assert_int_equal(world_run(register_methods), 0);
    char line[2000];
    strcpy(line, "{\"jsonrpc\":\"2.0\",\"id\":0,");
    strcat(line, expected);
    strcat(line, "}\n");
    assert_string_equal(world_output(), line);
    assert_false(world_was_starved());
}

#define assert_result(method, params, ...) assert_answer(method, params, "\"result\":" #__VA_ARGS__)

static void assert_error(const char *method, const char *params, const char *code, const char *message) {
    char expected[1000] = "\"error\":{\"code\":";
    strcat(expected, code);
    strcat(expected, ",\"message\":\"");
    for (size_t size = strlen(expected); *message || (expected[size] = '\0'); message++) {
        if (*message == '"') expected[size++] = '\\';
        expected[size++] = *message;
    }
    strcat(expected, "\"}");
    assert_answer(method, params, expected);
}

/* ---- Params ---- */

static void params_are_read_by_name_by_position_or_bare(void **state) {
    assert_result("sum", J({"a" : 1, "b" : 2}), 3);
    assert_result("sum", J({"b" : 2, "a" : 1}), 3);
    assert_result("sum", J([ 1, 2 ]), 3);
    assert_result("sum", J([1]), 1.5);
    assert_result("sum", "1", 1.5);
    assert_result("sum", J([ 1, null ]), 1.5);
    assert_result("sum", J([ 1, 2, 3 ]), 3); /* newer callers may know more parameters */
    assert_result("sum", J({"a" : 1, "new" : {}}), 1.5);
}

static void every_type_is_read(void **state) {
    assert_answer("describe",
                  J([ "\u00e9\"\n", true, -9223372036854775808, 18446744073709551615, 10, {"k" : [1e400]} ]),
                  "\"result\":[\"\u00e9\\\"\\n\",true,-9223372036854775808,18446744073709551615,10,true,"
                  "{\"k\" : [1e400]}]");
    assert_answer("describe", J([ "", false, 1e3, 5.0, -1 ]), "\"result\":[\"\",false,1000,5,-1,false,null]");
}

static void optional_params_fall_back_where_missing_or_null(void **state) {
    assert_answer("fallbacks", "null", "\"result\":[\"none\",true,-7,7,1.5]");
    assert_answer("fallbacks", J({"text" : null, "flag" : null, "int" : null}),
                  "\"result\":[\"none\",true,-7,7,1.5]");
    assert_answer("fallbacks", J({"text" : "t", "flag" : false, "int" : 1, "uint" : 2, "double" : 3}),
                  "\"result\":[\"t\",false,1,2,3]");
}

static void a_missing_param_is_named(void **state) {
    assert_error("sum", "null", "-32602", "Invalid params: \"a\" is missing: expected a number");
    assert_error("sum", "{}", "-32602", "Invalid params: \"a\" is missing: expected a number");
    assert_error("sum", "[]", "-32602", "Invalid params: \"a\" is missing: expected a number");
}

static void a_param_of_the_wrong_type_is_named_with_what_was_expected(void **state) {
    assert_error("sum", J({"a" : "x"}), "-32602", "Invalid params: \"a\" must be a number, but is a string");
    assert_error("sum", J([ 1, [] ]), "-32602", "Invalid params: \"b\" must be a number, but is an array");
    assert_error("sum", J("x"), "-32602", "Invalid params: \"a\" must be a number, but is a string");
    assert_error("sum", J([null]), "-32602", "Invalid params: \"a\" must be a number, but is null");
    assert_error("sum", J([1e400]), "-32602",
                 "Invalid params: \"a\" must be a number that fits a double, but is 1e400");
    assert_error("describe", J([1]), "-32602", "Invalid params: \"text\" must be a string, but is 1");
    assert_error("describe", J([ "", 0 ]), "-32602",
                 "Invalid params: \"flag\" must be true or false, but is 0");
    assert_error("describe", J([ "", true, 1.5 ]), "-32602",
                 "Invalid params: \"int\" must be an integer, but is 1.5");
    assert_error(
        "describe", J([ "", true, 9223372036854775808 ]), "-32602",
        "Invalid params: \"int\" must be an integer from -2^63 to 2^63 - 1, but is 9223372036854775808");
    assert_error("describe", J([ "", true, 1, 1, 11 ]), "-32602",
                 "Invalid params: \"small\" must be an integer from -1 to 10, but is 11");
}

static void a_value_deep_inside_is_named_by_its_path(void **state) {
    assert_error("walk", J({"points" : [ {"x" : 1}, {"x" : "2"} ]}), "-32602",
                 "Invalid params: \"points[1].x\" must be a number, but is a string");
    assert_error("walk", J([[ {"x" : 1}, {"y" : 2} ]]), "-32602",
                 "Invalid params: \"points[1].x\" is missing: expected a number");
    assert_error("walk", J({"points" : [ {"x" : 1, "more" : [ 1, true ]} ]}), "-32602",
                 "Invalid params: \"points[0].more[1]\" must be a number, but is a boolean");
    assert_error("walk", J({"points" : 5}), "-32602",
                 "Invalid params: \"points\" must be an array or an object, but is 5");
    assert_error("nested", "null", "-32602",
                 "Invalid params: \"options.limits.depth\" is missing: expected an integer");
    assert_error("nested", J({"options" : {"limits" : {}}}), "-32602",
                 "Invalid params: \"options.limits.depth\" is missing: expected an integer");
    assert_error("nested", J({"options" : {"limits" : 3}}), "-32602",
                 "Invalid params: \"options.limits\" must be an object, but is 3");
}

static void positions_beyond_the_declared_parameters_have_no_name(void **state) {
    assert_result("third", J([ 1, 2, 3 ]), 3);
    assert_error("third", J([ 1, 2, "3" ]), "-32602",
                 "Invalid params: \"[2]\" must be an integer, but is a string");
    assert_error("third", J([1]), "-32602", "Invalid params: \"[2]\" is missing: expected an integer");
}

static void arrays_and_objects_are_walked(void **state) {
    assert_result("walk", J([[ {"x" : 1}, {"x" : 2, "more" : [ 0, 10 ]} ]]), 13);
    assert_result("walk", J([[]]), 0);
    assert_result("walk", "null", 0);
    assert_answer("keys", J([ {"a" : 1, "\u0062\n" : {}, "" : []} ]),
                  "\"result\":[\"a\",0,\"b\\n\",1,\"\",2]");
    assert_result("count", J([[ 1, [ 2, 3 ], 4 ]]), 3);
    assert_result("count", J([ {"a" : 1} ]), 1);
    assert_result("count", "null", 0);
    assert_error("count", J(["x"]), "-32602",
                 "Invalid params: \"of\" must be an array or an object, but is a string");
}

static void params_pass_through_untouched(void **state) {
    assert_answer("echo", "[1e400,18446744073709551616,\"\\ud800\\u00e9\",1.0]",
                  "\"result\":[1e400,18446744073709551616,\"\\ud800\\u00e9\",1.0]");
    assert_result("echo", "null", null);
}

static void a_text_of_json_is_parsed_or_refused_by_name(void **state) {
    assert_result("parse", J([" {\"a\": 5} "]), 5);
    world_end();
    world_begin();
    world_send("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"parse\",\"params\":[\"{\\\"a\\\"\"]}\n");
    world_run(register_methods);
    assert_non_null(
        strstr(world_output(), "\"code\":-32000,\"message\":\"settings.json is not valid JSON: at byte 4"));
    assert_error("parse", J(["{\"a\":[]}"]), "-32000",
                 "settings.json: \"a\" must be an integer, but is an array");
}

/* ---- Answers ---- */

static void results_are_written_in_pieces(void **state) {
    assert_answer("pieces", "null",
                  "\"result\":{\"text\":\"say "
                  "\\\"h\u00e9\\\"\\n\",\"nothing\":null,\"empty\":\"\",\"format\":\"5% of all\"}");
}

static void errors_carry_code_message_and_data(void **state) {
    assert_error("refuse", "null", "42", "no fish today");
    assert_answer("refuse_with_data", "null",
                  "\"error\":{\"code\":43,\"message\":\"see data\",\"data\":[1]}");
    assert_error("fail", "null", "-32000", "broken");
    assert_error("change_mind", "null", "1", "rather not");
}

static void an_unknown_method_is_named(void **state) {
    assert_error("nope", "null", "-32601", "Method not found: \"nope\"");
    assert_error("su", "null", "-32601", "Method not found: \"su\"");
}

static void a_request_without_an_answer_gets_an_internal_error(void **state) {
    assert_error("forget", "null", "-32603", "method \"forget\" returned without an answer");
    assert_string_equal(world_log(), "error: method \"forget\" returned without an answer\n");
    assert_error("unfinished", "null", "-32603", "method \"unfinished\" left its answer unfinished");
}

static void the_first_of_two_answers_stands(void **state) {
    assert_result("twice", "null", 1);
    assert_string_equal(world_log(), "error: method \"twice\" answers twice: the first answer was sent\n");
}

static void wrong_writing_becomes_an_internal_error(void **state) {
    const char *const methods[] = {"bad_writing", "infinite", "open_text"};
    for (size_t i = 0; i < 3; i++) {
        world_end();
        world_begin();
        world_send("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"");
        world_send(methods[i]);
        world_send("\"}\n");
        assert_int_equal(world_run(register_methods), 0);
        const char *start = "{\"jsonrpc\":\"2.0\",\"id\":0,\"error\":{\"code\":-32603,\"message\":\"the "
                            "result cannot be written: ";
        assert_memory_equal(world_output(), start, strlen(start));
        assert_int_equal(strchr(world_output(), '\n') - world_output() + 1,
                         strlen(world_output())); /* one answer */
        assert_non_null(strstr(world_log(), "cannot write its result"));
    }
}

static void a_handler_may_go_on_after_a_failed_param(void **state) {
    went_on = false;
    assert_error("careless", "[1]", "-32602", "Invalid params: \"text\" must be a string, but is 1");
    assert_true(went_on);
    assert_string_equal(world_log(), "");
}

/* ---- Messages ---- */

static void ids_are_echoed_as_they_were_written(void **state) {
    world_send("{\"jsonrpc\":\"2.0\",\"id\":\"a\\u0062\",\"method\":\"echo\"}\n"
               "{\"jsonrpc\":\"2.0\",\"id\":1.50,\"method\":\"echo\"}\n"
               "{\"jsonrpc\":\"2.0\",\"id\":18446744073709551616,\"method\":\"echo\"}\r\n\n");
    world_run(register_methods);
    assert_string_equal(world_output(),
                        "{\"jsonrpc\":\"2.0\",\"id\":\"a\\u0062\",\"result\":null}\n"
                        "{\"jsonrpc\":\"2.0\",\"id\":1.50,\"result\":null}\n"
                        "{\"jsonrpc\":\"2.0\",\"id\":18446744073709551616,\"result\":null}\n");
}

static void a_notification_runs_its_method_and_is_not_answered(void **state) {
    world_send(
        "{\"jsonrpc\":\"2.0\",\"method\":\"who\"}\n{\"jsonrpc\":\"2.0\",\"method\":\"sum\"}\n"
        "{\"jsonrpc\":\"2.0\",\"method\":\"forget\"}\n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"who\"}\n");
    assert_int_equal(world_run(register_methods), 0);
    assert_string_equal(world_output(), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"who\"}\n");
    assert_string_equal(world_log(),
                        "info: who, notification: yes\n"
                        "warning: notification \"sum\" failed: Invalid params: \"a\" is missing: "
                        "expected a number\n"
                        "info: who, notification: no\n");
}

static void a_plugin_that_has_had_notifications_alone_waits_for_a_request(void **state) {
    world_send("{\"jsonrpc\":\"2.0\",\"method\":\"echo\"}\n");
    world_send_after(10, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\"}\n");
    assert_int_equal(world_run(register_methods), 0);
    assert_string_equal(world_output(), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}\n");
}

static void a_batch_is_answered_with_one_array(void **state) {
    world_send("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"sum\",\"params\":[1,1]},"
               "{\"jsonrpc\":\"2.0\",\"method\":\"echo\"},"
               "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"sum\",\"params\":[2,2]}]\n");
    world_run(register_methods);
    assert_string_equal(world_output(), "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":2},"
                                        "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":4}]\n");
}

static void lines_that_are_no_messages_are_answered_and_logged(void **state) {
    world_send("nonsense\n{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"echo\"}\n");
    world_run(register_methods);
    const char *start = "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,";
    assert_memory_equal(world_output(), start, strlen(start));
    assert_non_null(strstr(world_output(), "\n{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":null}\n"));
    assert_non_null(strstr(world_log(), "nonsense"));
}

static void input_may_be_cut_anywhere(void **state) {
    for (size_t most = 1; most < 50; most += 6) {
        world_end();
        world_begin();
        world_read_at_most(most);
        world_send("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"sum\",\"params\":[1,1]}\n");
        assert_int_equal(world_run(register_methods), 0);
        assert_string_equal(world_output(), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":2}\n");
    }
}

/* ---- Life ---- */

static void the_plugin_ends_when_it_has_answered_and_has_nothing_to_do(void **state) {
    world_send("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\"}\n");
    assert_int_equal(world_run(register_methods), 0);
    assert_int_equal(world_reads(), 1);
    assert_false(world_was_starved());
}

static void requests_read_together_are_all_answered(void **state) {
    world_send("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\"}\n{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":"
               "\"echo\"}\n");
    world_run(register_methods);
    assert_string_equal(
        world_output(),
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}\n{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":null}\n");
}

static void register_server(void) {
    wplug_serve_until_end();
    register_methods();
}

static void a_server_goes_on_until_the_input_ends(void **state) {
    world_send("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\"}\n");
    world_send_after(10, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"echo\"}\n");
    assert_int_equal(world_run(register_server), 0);
    assert_string_equal(
        world_output(),
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}\n{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":null}\n");
    assert_true(world_was_starved());
}

static void an_input_that_ends_at_once_is_no_error(void **state) {
    assert_int_equal(world_run(register_methods), 0);
    assert_string_equal(world_output(), "");
}

static void a_last_line_without_line_end_is_a_line(void **state) {
    world_send("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\"}");
    assert_int_equal(world_run(register_methods), 0);
    assert_string_equal(world_output(), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}\n");
}

static void nothing_but_reads_comes_before_the_first_request(void **state) {
    world_run(register_methods);
    assert_int_equal(world_clock_reads(), 0);
    assert_int_equal(world_random_reads(), 0);
    assert_int_equal(world_pauses(), 0);
}

static void input_that_fails_ends_the_plugin(void **state) {
    world_fail_reads();
    assert_int_equal(world_run(register_methods), WPLUG_EXIT_IO);
    assert_string_equal(world_log(), "error: cannot read standard input\n");
}

static void output_that_fails_ends_the_plugin(void **state) {
    world_send("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\"}\n{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":"
               "\"echo\"}\n");
    world_fail_writes();
    assert_int_equal(world_run(register_methods), WPLUG_EXIT_IO);
    assert_string_equal(world_log(), "error: cannot write to standard output\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WORLD_TEST(params_are_read_by_name_by_position_or_bare),
        WORLD_TEST(every_type_is_read),
        WORLD_TEST(optional_params_fall_back_where_missing_or_null),
        WORLD_TEST(a_missing_param_is_named),
        WORLD_TEST(a_param_of_the_wrong_type_is_named_with_what_was_expected),
        WORLD_TEST(a_value_deep_inside_is_named_by_its_path),
        WORLD_TEST(positions_beyond_the_declared_parameters_have_no_name),
        WORLD_TEST(arrays_and_objects_are_walked),
        WORLD_TEST(params_pass_through_untouched),
        WORLD_TEST(a_text_of_json_is_parsed_or_refused_by_name),
        WORLD_TEST(results_are_written_in_pieces),
        WORLD_TEST(errors_carry_code_message_and_data),
        WORLD_TEST(an_unknown_method_is_named),
        WORLD_TEST(a_request_without_an_answer_gets_an_internal_error),
        WORLD_TEST(the_first_of_two_answers_stands),
        WORLD_TEST(wrong_writing_becomes_an_internal_error),
        WORLD_TEST(a_handler_may_go_on_after_a_failed_param),
        WORLD_TEST(ids_are_echoed_as_they_were_written),
        WORLD_TEST(a_notification_runs_its_method_and_is_not_answered),
        WORLD_TEST(a_plugin_that_has_had_notifications_alone_waits_for_a_request),
        WORLD_TEST(a_batch_is_answered_with_one_array),
        WORLD_TEST(lines_that_are_no_messages_are_answered_and_logged),
        WORLD_TEST(input_may_be_cut_anywhere),
        WORLD_TEST(the_plugin_ends_when_it_has_answered_and_has_nothing_to_do),
        WORLD_TEST(requests_read_together_are_all_answered),
        WORLD_TEST(a_server_goes_on_until_the_input_ends),
        WORLD_TEST(an_input_that_ends_at_once_is_no_error),
        WORLD_TEST(a_last_line_without_line_end_is_a_line),
        WORLD_TEST(nothing_but_reads_comes_before_the_first_request),
        WORLD_TEST(input_that_fails_ends_the_plugin),
        WORLD_TEST(output_that_fails_ends_the_plugin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

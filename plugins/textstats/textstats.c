/* A plugin that tells how long a text is and what it is made of. It has no access to files: it asks the host
 * for the content, piece by piece, and tells it how far it is. README.md has the contract of the host method.
 */
#include "stats.h"

#include <wplug_pdk.h>

#define PIECE_SIZE (256 * 1024)

/* Where the reading of a file has got to. */
typedef struct reading {
    wplug_text path;
    stats *counts;
    uint64_t offset; /* of the next piece */
    uint64_t size;   /* of the file, where the host told it */
    bool size_known;
    bool progress; /* the caller wants to hear */
    bool finished;
} reading;

static wplug_host_call *ask_for_piece(wplug_request *request, const reading *file, uint64_t length) {
    wplug_host_call *call = wplug_call_host(request, "read_file");
    wplug_writer *params = wplug_host_params(call);
    wplug_begin_object(params);
    wplug_member_text(params, "path", file->path);
    wplug_member_uint64(params, "offset", file->offset);
    wplug_member_uint64(params, "length", length);
    wplug_end_object(params);
    return call;
}

/* Takes what the host gave: the whole content as a string, or an object with a piece of it. */
static void take_answer(wplug_request *request, reading *file, wplug_value answer) {
    bool whole = wplug_value_type(answer) == WPLUG_TYPE_STRING;
    wplug_text content = wplug_value_text(whole ? answer : wplug_value_member(answer, "content"));
    if (wplug_failed(request)) return;
    if (!stats_feed(file->counts, content.data, content.size)) {
        wplug_fail(request, "out of memory: too many different words");
        return;
    }
    if (whole) {
        file->finished = true;
        return;
    }
    uint64_t next = wplug_value_uint64_or(wplug_value_member(answer, "next"), file->offset + content.size);
    wplug_value size = wplug_value_member(answer, "size");
    file->size_known = wplug_value_type(size) == WPLUG_TYPE_NUMBER;
    file->size = wplug_value_uint64_or(size, 0);
    bool end = wplug_value_bool_or(wplug_value_member(answer, "eof"), content.size == 0);
    if (!wplug_failed(request) && !end && next <= file->offset)
        wplug_fail(request, "read_file makes no progress at offset %llu of \"%.*s\"",
                   (unsigned long long)file->offset, WPLUG_TEXT(file->path));
    file->offset = next;
    file->finished = end || (file->size_known && next >= file->size);
}

static void tell_progress(const reading *file) {
    wplug_writer *params = wplug_notify_host("progress");
    wplug_begin_object(params);
    wplug_member_text(params, "path", file->path);
    wplug_member_uint64(params, "done", file->offset);
    if (file->size_known)
        wplug_member_uint64(params, "total", file->size);
    else
        wplug_member_null(params, "total");
    wplug_end_object(params);
}

static void answer(wplug_request *request, const reading *file) {
    const stats *counts = file->counts;
    stats_word top[STATS_TOP_WORDS];
    size_t count = stats_top_words(counts, top);
    wplug_writer *result = wplug_result(request);
    wplug_begin_object(result);
    wplug_member_text(result, "path", file->path);
    wplug_member_uint64(result, "bytes", stats_bytes(counts));
    wplug_member_uint64(result, "lines", stats_lines(counts));
    wplug_member_uint64(result, "words", stats_words(counts));
    wplug_member_uint64(result, "characters", stats_characters(counts));
    wplug_key(result, "top_words");
    wplug_begin_array(result);
    for (size_t i = 0; i < count; i++) {
        wplug_begin_object(result);
        wplug_member_text(result, "word", (wplug_text){top[i].text, top[i].size});
        wplug_member_uint64(result, "count", top[i].count);
        wplug_end_object(result);
    }
    wplug_end_array(result);
    wplug_member_uint64(result, "reading_time_seconds", stats_reading_seconds(counts));
    wplug_end_object(result);
}

static void read_and_answer(wplug_request *request, reading *file, uint64_t length) {
    while (!file->finished && !wplug_failed(request)) {
        wplug_host_call *call = ask_for_piece(request, file, length);
        take_answer(request, file, wplug_host_result(call));
        wplug_host_free(call);
        if (file->progress && !file->finished && !wplug_failed(request)) tell_progress(file);
    }
    if (wplug_failed(request)) return;
    if (stats_end(file->counts))
        answer(request, file);
    else
        wplug_fail(request, "out of memory: too many different words");
}

static void analyze(wplug_request *request) {
    reading file = {.path = wplug_param_text(request, "path"),
                    .progress = wplug_param_bool_or(request, "progress", true)};
    uint64_t length = PIECE_SIZE;
    if (wplug_param_given(request, "piece_size"))
        length = (uint64_t)wplug_param_int64_in(request, "piece_size", 1, 16 << 20);
    if (wplug_failed(request)) return;
    file.counts = stats_new();
    if (!file.counts) {
        wplug_fail(request, "out of memory");
        return;
    }
    read_and_answer(request, &file, length);
    stats_free(file.counts);
}

WPLUG_PLUGIN("textstats", "1.0.0") {
    wplug_describe(
        "Counts lines, words and characters of a text file, ranks its words and estimates how long it takes "
        "to read. Needs a host that reads files for it.");
    wplug_uses_host_method("read_file", "gives the content of a file, or a piece of it");
    wplug_uses_host_method("progress", "notification: how far a file of several pieces has been read");
    wplug_method(
        "analyze", analyze, .summary = "Statistics of a text file",
        .params = {{"path", WPLUG_STRING, "name of the file, as the host understands it"},
                   {"progress", WPLUG_BOOLEAN, "send progress notifications (true)", .optional = true},
                   {"piece_size", WPLUG_JSON({"type" : "integer", "minimum" : 1, "maximum" : 16777216}),
                    "bytes to ask for at a time (262144)", .optional = true}},
        .result = WPLUG_JSON({
            "type" : "object",
            "properties" : {
                "path" : {"type" : "string"},
                "bytes" : {"type" : "integer"},
                "lines" : {"type" : "integer"},
                "words" : {"type" : "integer"},
                "characters" : {"type" : "integer"},
                "top_words" : {
                    "type" : "array",
                    "maxItems" : 10,
                    "items" : {
                        "type" : "object",
                        "properties" : {"word" : {"type" : "string"}, "count" : {"type" : "integer"}}
                    }
                },
                "reading_time_seconds" : {"type" : "integer"}
            }
        }));
}

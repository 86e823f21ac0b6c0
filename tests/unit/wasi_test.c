/* The WASI subset from the guest's side: a module that does nothing but pass its arguments on to one function of preview 1,
 * run by the engine, with a memory that the tests fill and look at. Expected values are those of the witx files of
 * wasi_snapshot_preview1 and of docs/protocol.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/os.h"
#include "wasi/wasi.h"

enum { SUCCESS = 0, EAGAIN_ = 6, EBADF_ = 8, EFAULT_ = 21, EINVAL_ = 28, EIO_ = 29, EPIPE_ = 64 };
enum { ESPIPE_ = 70, ENOTCAPABLE_ = 76 };
enum { PAGE = 65536, MEMORY_SIZE = 4 * PAGE, SLICE = 1000000 };
#define WILD 0xFFFFFFF0u

/* ---- A module for one function ---- */

typedef struct module_bytes {
    uint8_t bytes[512];
    size_t size;
} module_bytes;

static void put(module_bytes *module, uint8_t byte) {
    module->bytes[module->size++] = byte;
}

static void put_all(module_bytes *module, const void *bytes, size_t size) {
    memcpy(module->bytes + module->size, bytes, size);
    module->size += size;
}

static void put_name(module_bytes *module, const char *name) {
    put(module, (uint8_t)strlen(name));
    put_all(module, name, strlen(name));
}

static void put_section(module_bytes *module, uint8_t id, const module_bytes *content) {
    put(module, id);
    assert_true(content->size < 128);
    put(module, (uint8_t)content->size);
    put_all(module, content->bytes, content->size);
}

static uint8_t type_byte(char letter) {
    return letter == 'I' ? 0x7E : 0x7F;
}

/* (module (import "wasi_snapshot_preview1" NAME (func TYPE)) (memory 4)
 *   (func (export "f") TYPE  pass all parameters to the import)) */
static module_bytes make_module(const char *name, const char *signature) {
    module_bytes module = {.size = 0}, section;
    size_t params = strchr(signature, ':') - signature, results = strlen(signature) - params - 1;
    put_all(&module, "\0asm\1\0\0\0", 8);

    section.size = 0; /* types */
    put(&section, 1), put(&section, 0x60), put(&section, (uint8_t)params);
    for (size_t i = 0; i < params; i++) put(&section, type_byte(signature[i]));
    put(&section, (uint8_t)results);
    for (size_t i = 0; i < results; i++) put(&section, type_byte(signature[params + 1 + i]));
    put_section(&module, 1, &section);

    section.size = 0; /* imports */
    put(&section, 1), put_name(&section, WASI_MODULE), put_name(&section, name), put(&section, 0),
        put(&section, 0);
    put_section(&module, 2, &section);

    put_all(&module, "\3\2\1\0", 4);      /* functions: one, of type 0 */
    put_all(&module, "\5\3\1\0\4", 5);    /* memories: one, of four pages */
    put_all(&module, "\7\5\1\1f\0\1", 7); /* exports: "f", function 1 */

    section.size = 0; /* code */
    put(&section, 1), put(&section, (uint8_t)(2 * params + 4)), put(&section, 0);
    for (size_t i = 0; i < params; i++) put(&section, 0x20), put(&section, (uint8_t)i);
    put(&section, 0x10), put(&section, 0), put(&section, 0x0B);
    put_section(&module, 10, &section);
    return module;
}

/* ---- A guest ---- */

typedef struct guest {
    wasi_context wasi;
    wasi_context *context; /* &wasi */
    base_buffer input;
    engine_module *module;
    engine_store *store;
    engine_exec *exec;
    engine_memory *memory;
    uint64_t function;
    base_status link_status;
} guest;

static base_bytes guest_input(void *owner) {
    return base_buffer_bytes(&((guest *)owner)->input);
}
static void guest_input_taken(void *owner, size_t size) {
    base_buffer_consume(&((guest *)owner)->input, size);
}

static bool resolve(void *user, const engine_import *import, engine_extern *out) {
    guest *self = user;
    self->link_status = wasi_link(&self->context, self->store, import->name, out);
    return self->link_status == BASE_OK;
}

/* A guest that can call `name`. */
static guest *new_guest(const char *name, const char *signature) {
    guest *self = calloc(1, sizeof *self);
    wasi_context_init(&self->wasi, NULL);
    self->context = &self->wasi;
    base_buffer_init(&self->input, NULL);
    self->wasi.owner = self;
    self->wasi.input = guest_input;
    self->wasi.input_taken = guest_input_taken;
    module_bytes bytes = make_module(name, signature);
    base_error error;
    if (engine_module_load(NULL, (base_bytes){bytes.bytes, bytes.size}, engine_features_available(),
                           &self->module, &error)) {
        fail_msg("%s", error.message);
    }
    engine_instance *instance;
    engine_extern export;
    assert_int_equal(engine_store_new(NULL, NULL, &self->store), BASE_OK);
    if (engine_instantiate(self->store, self->module, resolve, self, &instance, NULL, &error)) {
        fail_msg("%s", error.message);
    }
    assert_true(engine_instance_export(instance, BASE_LITERAL("f"), &export, NULL));
    self->function = export.func;
    self->memory = engine_instance_memory(instance, 0);
    assert_int_equal(engine_exec_new(self->store, &self->exec), BASE_OK);
    return self;
}

static void free_guest(guest *self) {
    engine_exec_free(self->exec);
    engine_store_free(self->store);
    engine_module_release(self->module);
    wasi_context_free(&self->wasi);
    base_buffer_free(&self->input);
    free(self);
}

static engine_outcome start(guest *self, const uint64_t *arguments) {
    assert_int_equal(engine_exec_start(self->exec, self->function, arguments, NULL), BASE_OK);
    return engine_exec_run(self->exec, SLICE);
}

/* Calls and expects that the function returns at once. */
static uint32_t call(guest *self, const uint64_t *arguments) {
    engine_outcome outcome = start(self, arguments);
    while (outcome == ENGINE_OUT_OF_FUEL) outcome = engine_exec_run(self->exec, SLICE);
    assert_int_equal(outcome, ENGINE_FINISHED);
    return engine_i32(*engine_exec_results(self->exec));
}

#define ARGUMENTS(...)  ((const uint64_t[]){__VA_ARGS__})
#define CALL(self, ...) call(self, ARGUMENTS(__VA_ARGS__))

static uint8_t *at(guest *self, uint32_t address) {
    uint8_t *bytes = engine_memory_range(self->memory, address, 1);
    assert_non_null(bytes);
    return bytes;
}
static uint64_t get(guest *self, uint32_t address, int bytes) {
    uint64_t value = 0;
    for (int i = bytes; i-- > 0;) value = value << 8 | at(self, address)[i];
    return value;
}
static void set(guest *self, uint32_t address, int bytes, uint64_t value) {
    for (int i = 0; i < bytes; i++, value >>= 8) at(self, address)[i] = (uint8_t)value;
}
static void set_iovec(guest *self, uint32_t address, uint32_t pointer, uint32_t size) {
    set(self, address, 4, pointer);
    set(self, address + 4, 4, size);
}
static void give_input(guest *self, const char *text) {
    assert_int_equal(base_buffer_append_text(&self->input, text), BASE_OK);
}

/* ---- Arguments and environment ---- */

static void arguments_are_empty_by_default(void **state) {
    guest *self = new_guest("args_sizes_get", "ii:i");
    set(self, 16, 4, 77), set(self, 20, 4, 77);
    assert_int_equal(CALL(self, 16, 20), SUCCESS);
    assert_int_equal(get(self, 16, 4), 0);
    assert_int_equal(get(self, 20, 4), 0);
    free_guest(self);
    self = new_guest("environ_get", "ii:i");
    assert_int_equal(CALL(self, 16, 20), SUCCESS);
    free_guest(self);
}

static void arguments_arrive_terminated_with_pointers_to_each(void **state) {
    wasi_strings strings;
    const char *const list[] = {"prog", "", "zwei"};
    assert_int_equal(wasi_strings_make(NULL, list, 3, &strings, NULL), BASE_OK);
    guest *self = new_guest("args_sizes_get", "ii:i");
    self->wasi.args = &strings;
    assert_int_equal(CALL(self, 1, 5), SUCCESS); /* unaligned on purpose */
    assert_int_equal(get(self, 1, 4), 3);
    assert_int_equal(get(self, 5, 4), 11);
    free_guest(self);

    self = new_guest("args_get", "ii:i");
    self->wasi.args = &strings;
    assert_int_equal(CALL(self, 101, 203), SUCCESS);
    assert_memory_equal(at(self, 203), "prog\0\0zwei", 11);
    assert_int_equal(get(self, 101, 4), 203);
    assert_int_equal(get(self, 105, 4), 208);
    assert_int_equal(get(self, 109, 4), 209);
    assert_int_equal(CALL(self, MEMORY_SIZE - 8, 203), EFAULT_);
    assert_int_equal(CALL(self, 101, MEMORY_SIZE - 10), EFAULT_);
    assert_int_equal(CALL(self, 101, MEMORY_SIZE - 11), SUCCESS);
    free_guest(self);
    wasi_strings_free(NULL, &strings);
}

static void environment_arrives(void **state) {
    wasi_strings strings;
    const char *const list[] = {"A=1"};
    assert_int_equal(wasi_strings_make(NULL, list, 1, &strings, NULL), BASE_OK);
    guest *self = new_guest("environ_get", "ii:i");
    self->wasi.env = &strings;
    assert_int_equal(CALL(self, 8, 64), SUCCESS);
    assert_string_equal(at(self, 64), "A=1");
    free_guest(self);
    wasi_strings_free(NULL, &strings);
}

/* ---- Randomness ---- */

static void randomness_fills_all_of_the_buffer_and_nothing_else(void **state) {
    guest *self = new_guest("random_get", "ii:i");
    enum { SIZE = 64 };
    uint8_t seen[SIZE] = {0};
    for (int round = 0; round < 32; round++) {
        memset(at(self, 99), 0, SIZE + 2);
        assert_int_equal(CALL(self, 100, SIZE), SUCCESS);
        assert_int_equal(*at(self, 99) | *at(self, 100 + SIZE), 0);
        for (int i = 0; i < SIZE; i++) seen[i] |= at(self, 100)[i];
    }
    for (int i = 0; i < SIZE; i++) assert_int_not_equal(seen[i], 0);
    assert_int_equal(CALL(self, MEMORY_SIZE - 1, 2), EFAULT_);
    assert_int_equal(CALL(self, WILD, 1), EFAULT_);
    assert_int_equal(CALL(self, 0, UINT32_MAX), EFAULT_);
    assert_int_equal(CALL(self, MEMORY_SIZE, 0), SUCCESS);
    free_guest(self);
}

static void a_large_buffer_of_randomness_takes_several_turns(void **state) {
    guest *self = new_guest("random_get", "ii:i");
    engine_outcome outcome = start(self, ARGUMENTS(0, MEMORY_SIZE));
    int turns = 0;
    for (; outcome == ENGINE_WAITING; turns++) {
        assert_int_equal(self->wasi.wait, 0);
        assert_true(wasi_is_ready(&self->wasi));
        outcome = engine_exec_run(self->exec, SLICE);
    }
    assert_int_equal(outcome, ENGINE_FINISHED);
    assert_true(turns >= 1);
    assert_true(engine_exec_fuel_used(self->exec) >= 100); /* it is work, and costs */
    free_guest(self);
}

static void a_seed_makes_randomness_repeatable(void **state) {
    uint8_t first[16];
    for (int round = 0; round < 3; round++) {
        guest *self = new_guest("random_get", "ii:i");
        self->wasi.is_deterministic = true;
        wasi_seed(&self->wasi, round < 2 ? 42 : 43);
        assert_int_equal(CALL(self, 32, sizeof first), SUCCESS);
        if (round == 0)
            memcpy(first, at(self, 32), sizeof first);
        else if (round == 1)
            assert_memory_equal(at(self, 32), first, sizeof first);
        else
            assert_memory_not_equal(at(self, 32), first, sizeof first);
        free_guest(self);
    }
}

/* ---- Clocks ---- */

static void clocks_tell_the_time_and_only_two_exist(void **state) {
    guest *self = new_guest("clock_time_get", "iIi:i");
    uint64_t before = os_realtime_ns();
    assert_int_equal(CALL(self, 0, 1, 8), SUCCESS);
    uint64_t time = get(self, 8, 8);
    assert_true(time >= before && time <= os_realtime_ns());
    uint64_t last = 0;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(CALL(self, 1, 0, 8), SUCCESS);
        assert_true(get(self, 8, 8) >= last);
        last = get(self, 8, 8);
    }
    for (uint32_t clock = 2; clock < 5; clock++) assert_int_equal(CALL(self, clock, 0, 8), EINVAL_);
    assert_int_equal(CALL(self, UINT32_MAX, 0, 8), EINVAL_);
    assert_int_equal(CALL(self, 0, 0, MEMORY_SIZE - 7), EFAULT_);
    free_guest(self);

    self = new_guest("clock_res_get", "ii:i");
    for (uint32_t clock = 0; clock < 2; clock++) {
        set(self, 8, 8, 0);
        assert_int_equal(CALL(self, clock, 8), SUCCESS);
        assert_true(get(self, 8, 8) > 0 && get(self, 8, 8) <= 1000000000);
    }
    assert_int_equal(CALL(self, 2, 8), EINVAL_);
    assert_int_equal(CALL(self, 0, WILD), EFAULT_);
    free_guest(self);
}

static void deterministic_clocks_start_where_they_are_told_and_skip(void **state) {
    const uint64_t origin = 1000000000000000000;
    guest *self = new_guest("clock_time_get", "iIi:i");
    self->wasi.is_deterministic = true;
    self->wasi.start_time_ns = origin;
    assert_int_equal(CALL(self, 0, 1, 8), SUCCESS);
    uint64_t first = get(self, 8, 8);
    assert_true(first >= origin && first < origin + 1000);
    assert_int_equal(CALL(self, 0, 1, 8), SUCCESS);
    assert_int_equal(get(self, 8, 8), first); /* the same run costs the same fuel */
    wasi_skip_to(&self->wasi, self->exec, 5000000);
    assert_int_equal(CALL(self, 1, 1, 8), SUCCESS);
    assert_true(get(self, 8, 8) >= 5000000 - 1000 && get(self, 8, 8) < 5001000);
    free_guest(self);
}

/* ---- Reading ---- */

static void a_read_waits_for_input_and_goes_on_with_it(void **state) {
    guest *self = new_guest("fd_read", "iiii:i");
    set_iovec(self, 16, 100, 3);
    set_iovec(self, 24, 201, 0);
    set_iovec(self, 32, 301, 10);
    assert_int_equal(start(self, ARGUMENTS(0, 16, 3, 50)), ENGINE_WAITING);
    assert_int_equal(self->wasi.wait, WASI_WAIT_INPUT);
    assert_true(self->wasi.wants_input);
    assert_false(wasi_is_ready(&self->wasi));
    assert_int_equal(engine_exec_run(self->exec, SLICE), ENGINE_WAITING); /* looking again changes nothing */
    give_input(self, "hello");
    assert_true(wasi_is_ready(&self->wasi));
    assert_int_equal(engine_exec_run(self->exec, SLICE), ENGINE_FINISHED);
    assert_int_equal(*engine_exec_results(self->exec), SUCCESS);
    assert_int_equal(get(self, 50, 4), 5);
    assert_memory_equal(at(self, 100), "hel\0", 4);
    assert_memory_equal(at(self, 301), "lo\0", 3);
    assert_int_equal(self->input.size, 0);
    free_guest(self);
}

static void a_read_takes_no_more_than_it_has_room_for(void **state) {
    guest *self = new_guest("fd_read", "iiii:i");
    give_input(self, "hello");
    set_iovec(self, 16, 100, 2);
    assert_int_equal(CALL(self, 0, 16, 1, 50), SUCCESS);
    assert_int_equal(get(self, 50, 4), 2);
    assert_int_equal(self->input.size, 3);
    free_guest(self);
}

static void reading_nothing_or_at_the_end_gives_zero_bytes(void **state) {
    guest *self = new_guest("fd_read", "iiii:i");
    set_iovec(self, 16, 100, 0);
    assert_int_equal(CALL(self, 0, 16, 1, 50), SUCCESS);
    assert_int_equal(CALL(self, 0, 0, 0, 50), SUCCESS);
    set_iovec(self, 16, 100, 8);
    give_input(self, "x");
    self->wasi.input_ended = true;
    set(self, 50, 4, 99);
    assert_int_equal(CALL(self, 0, 16, 1, 50), SUCCESS);
    assert_int_equal(get(self, 50, 4), 1);
    assert_int_equal(CALL(self, 0, 16, 1, 50), SUCCESS);
    assert_int_equal(get(self, 50, 4), 0);
    free_guest(self);
}

static void a_failing_input_is_an_error_of_the_read(void **state) {
    guest *self = new_guest("fd_read", "iiii:i");
    set_iovec(self, 16, 100, 8);
    assert_int_equal(start(self, ARGUMENTS(0, 16, 1, 50)), ENGINE_WAITING);
    self->wasi.input_error = EIO_;
    assert_true(wasi_is_ready(&self->wasi));
    assert_int_equal(engine_exec_run(self->exec, SLICE), ENGINE_FINISHED);
    assert_int_equal(*engine_exec_results(self->exec), EIO_);
    free_guest(self);
}

static void only_fd_0_can_be_read(void **state) {
    guest *self = new_guest("fd_read", "iiii:i");
    give_input(self, "hello");
    set_iovec(self, 16, 100, 5);
    const uint32_t others[] = {1, 2, 3, 0x80000000u, UINT32_MAX};
    for (size_t i = 0; i < 5; i++) assert_int_equal(CALL(self, others[i], 16, 1, 50), EBADF_);
    free_guest(self);
}

static void wild_pointers_of_a_read_take_no_input(void **state) {
    guest *self = new_guest("fd_read", "iiii:i");
    give_input(self, "hello");
    set_iovec(self, 16, 100, 5);
    assert_int_equal(CALL(self, 0, WILD, 1, 50), EFAULT_);
    assert_int_equal(CALL(self, 0, MEMORY_SIZE - 7, 1, 50), EFAULT_);
    assert_int_equal(CALL(self, 0, 16, UINT32_MAX, 50), EFAULT_);
    assert_int_equal(CALL(self, 0, 16, 1, MEMORY_SIZE - 3), EFAULT_);
    set_iovec(self, 16, MEMORY_SIZE - 4, 5);
    assert_int_equal(CALL(self, 0, 16, 1, 50), EFAULT_);
    set_iovec(self, 16, 100, UINT32_MAX);
    assert_int_equal(CALL(self, 0, 16, 1, 50), EFAULT_);
    assert_int_equal(self->input.size, 5);
    free_guest(self);
}

static void buffers_of_4_gib_together_are_refused(void **state) {
    guest *self = new_guest("fd_read", "iiii:i");
    /* 16,384 entries that all lie over the same 256 KiB are 4 GiB, one more than a count of 32 bits can tell. */
    enum { COUNT = 16384 };
    for (uint32_t i = 0; i < COUNT; i++) set_iovec(self, i * 8, 0, MEMORY_SIZE);
    give_input(self, "hello");
    assert_int_equal(CALL(self, 0, 0, COUNT, MEMORY_SIZE - 4), EINVAL_);
    assert_int_equal(self->input.size, 5);
    assert_int_equal(CALL(self, 0, 0, COUNT - 1, MEMORY_SIZE - 4), SUCCESS);
    assert_int_equal(get(self, MEMORY_SIZE - 4, 4), 5);
    free_guest(self);
}

static void a_read_into_its_own_list_is_harmless(void **state) {
    guest *self = new_guest("fd_read", "iiii:i");
    give_input(self, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff");
    set_iovec(self, 16, 24, 8); /* over the second entry */
    set_iovec(self, 24, 100, 8);
    assert_int_equal(CALL(self, 0, 16, 2, 50), SUCCESS);
    assert_int_equal(get(self, 50, 4), 8);
    free_guest(self);
}

static void an_async_guest_is_told_to_try_again_and_slowed_down(void **state) {
    guest *self = new_guest("fd_read", "iiii:i");
    self->wasi.async_guest = true;
    self->wasi.is_deterministic = true; /* a clock that does not run on its own */
    set_iovec(self, 16, 100, 8);
    /* The first time only the others get a turn. */
    assert_int_equal(start(self, ARGUMENTS(0, 16, 1, 50)), ENGINE_OUT_OF_FUEL);
    assert_int_equal(engine_exec_run(self->exec, SLICE), ENGINE_FINISHED);
    assert_int_equal(*engine_exec_results(self->exec), EAGAIN_);
    /* Then it waits, longer and longer, but never for more than a few milliseconds. */
    uint64_t last = 0;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(start(self, ARGUMENTS(0, 16, 1, 50)), ENGINE_WAITING);
        assert_int_equal(self->wasi.wait, WASI_WAIT_INPUT | WASI_WAIT_TIME | WASI_WAIT_POLLING);
        uint64_t pause = self->wasi.wake_at - wasi_now(&self->wasi, self->exec);
        assert_true(pause > 0 && pause >= last && pause <= 5000000);
        assert_true(i < 20 || pause >= 1000000);
        last = pause;
        wasi_skip_to(&self->wasi, self->exec, self->wasi.wake_at - 1);
        assert_int_equal(engine_exec_run(self->exec, SLICE), ENGINE_WAITING);
        wasi_skip_to(&self->wasi, self->exec, self->wasi.wake_at);
        assert_int_equal(engine_exec_run(self->exec, SLICE), ENGINE_FINISHED);
        assert_int_equal(*engine_exec_results(self->exec), EAGAIN_);
    }
    /* Input ends the wait, and the next one starts anew. */
    assert_int_equal(start(self, ARGUMENTS(0, 16, 1, 50)), ENGINE_WAITING);
    give_input(self, "hi");
    assert_true(wasi_is_ready(&self->wasi));
    assert_int_equal(engine_exec_run(self->exec, SLICE), ENGINE_FINISHED);
    assert_int_equal(*engine_exec_results(self->exec), SUCCESS);
    assert_int_equal(start(self, ARGUMENTS(0, 16, 1, 50)), ENGINE_OUT_OF_FUEL);
    free_guest(self);
}

/* ---- Writing ---- */

static void a_write_gathers_all_of_its_buffers(void **state) {
    guest *self = new_guest("fd_write", "iiii:i");
    memcpy(at(self, 100), "abc", 3);
    memcpy(at(self, 207), "defg", 4);
    set_iovec(self, 16, 100, 3);
    set_iovec(self, 24, WILD, 0); /* nothing is read of it, so it may point anywhere */
    set_iovec(self, 32, 207, 4);
    assert_int_equal(CALL(self, 1, 16, 3, 50), SUCCESS);
    assert_int_equal(get(self, 50, 4), 7);
    assert_int_equal(self->wasi.output_fd, 1);
    assert_int_equal(self->wasi.output.size, 7);
    assert_memory_equal(self->wasi.output.data, "abcdefg", 7);
    free_guest(self);
}

static void a_write_larger_than_the_host_takes_at_once_is_written_whole(void **state) {
    guest *self = new_guest("fd_write", "iiii:i");
    for (uint32_t i = 200; i < MEMORY_SIZE; i++) *at(self, i) = (uint8_t)(i * 7);
    for (uint32_t i = 0; i < 3; i++) set_iovec(self, 16 + 8 * i, 200, MEMORY_SIZE - 200);
    base_buffer all;
    base_buffer_init(&all, NULL);
    engine_outcome outcome = start(self, ARGUMENTS(1, 16, 3, 50));
    while (outcome == ENGINE_WAITING) {
        assert_int_equal(self->wasi.wait, WASI_WAIT_OUTPUT);
        assert_false(wasi_is_ready(&self->wasi));
        base_buffer_append(&all, self->wasi.output.data, self->wasi.output.size);
        self->wasi.output.size = 0;
        assert_true(wasi_is_ready(&self->wasi));
        outcome = engine_exec_run(self->exec, SLICE);
    }
    base_buffer_append(&all, self->wasi.output.data, self->wasi.output.size);
    assert_int_equal(outcome, ENGINE_FINISHED);
    assert_int_equal(get(self, 50, 4), 3 * (MEMORY_SIZE - 200));
    assert_int_equal(all.size, 3 * (MEMORY_SIZE - 200));
    for (int i = 0; i < 3; i++) {
        assert_memory_equal(all.data + (size_t)i * (MEMORY_SIZE - 200), at(self, 200), MEMORY_SIZE - 200);
    }
    base_buffer_free(&all);
    free_guest(self);
}

static void both_streams_keep_the_order_in_which_they_were_written(void **state) {
    guest *self = new_guest("fd_write", "iiii:i");
    memcpy(at(self, 100), "xy", 2);
    set_iovec(self, 16, 100, 1);
    assert_int_equal(CALL(self, 1, 16, 1, 50), SUCCESS);
    assert_int_equal(start(self, ARGUMENTS(2, 16, 1, 50)), ENGINE_WAITING);
    assert_int_equal(self->wasi.wait, WASI_WAIT_OUTPUT);
    assert_int_equal(self->wasi.output_fd, 1);
    self->wasi.output.size = 0;
    assert_int_equal(engine_exec_run(self->exec, SLICE), ENGINE_FINISHED);
    assert_int_equal(self->wasi.output_fd, 2);
    assert_int_equal(self->wasi.output.size, 1);
    free_guest(self);
}

static void only_fds_1_and_2_can_be_written(void **state) {
    guest *self = new_guest("fd_write", "iiii:i");
    set_iovec(self, 16, 100, 1);
    const uint32_t others[] = {0, 3, 4, UINT32_MAX};
    for (size_t i = 0; i < 4; i++) assert_int_equal(CALL(self, others[i], 16, 1, 50), EBADF_);
    assert_int_equal(self->wasi.output.size, 0);
    free_guest(self);
}

static void wild_pointers_of_a_write_write_nothing(void **state) {
    guest *self = new_guest("fd_write", "iiii:i");
    set_iovec(self, 16, 100, 5);
    assert_int_equal(CALL(self, 1, WILD, 1, 50), EFAULT_);
    assert_int_equal(CALL(self, 1, 16, 0x20000001, 50), EFAULT_);
    assert_int_equal(CALL(self, 1, 16, 1, WILD), EFAULT_);
    set_iovec(self, 24, MEMORY_SIZE, 1);
    assert_int_equal(CALL(self, 1, 16, 2, 50), EFAULT_);
    assert_int_equal(self->wasi.output.size, 0);
    free_guest(self);
}

static void an_error_of_the_output_is_an_error_of_the_write(void **state) {
    guest *self = new_guest("fd_write", "iiii:i");
    set_iovec(self, 16, 100, 5);
    self->wasi.output_error = EPIPE_;
    assert_int_equal(CALL(self, 1, 16, 1, 50), EPIPE_);
    free_guest(self);
}

/* ---- Descriptors ---- */

static void the_three_descriptors_are_character_devices(void **state) {
    guest *self = new_guest("fd_fdstat_get", "ii:i");
    for (uint32_t fd = 0; fd < 3; fd++) {
        memset(at(self, 40), 0xAA, 26);
        assert_int_equal(CALL(self, fd, 41), SUCCESS);
        assert_int_equal(get(self, 41, 1), 2);
        assert_int_equal(get(self, 43, 2), 0);
        uint64_t rights = get(self, 49, 8);
        assert_int_equal((rights >> 1) & 1, fd == 0);    /* fd_read */
        assert_int_equal((rights >> 6) & 1, fd != 0);    /* fd_write */
        assert_int_equal(rights & (1 << 2 | 1 << 5), 0); /* fd_seek, fd_tell: libc's isatty looks at them */
        assert_int_equal(get(self, 57, 8), 0);
        assert_int_equal(*at(self, 40) & *at(self, 65), 0xAA);
    }
    assert_int_equal(CALL(self, 3, 41), EBADF_);
    assert_int_equal(CALL(self, 0, MEMORY_SIZE - 23), EFAULT_);
    free_guest(self);

    self = new_guest("fd_filestat_get", "ii:i");
    memset(at(self, 40), 0xAA, 64);
    assert_int_equal(CALL(self, 1, 40), SUCCESS);
    assert_int_equal(get(self, 56, 1), 2);
    assert_int_equal(get(self, 72, 8), 0); /* size */
    assert_int_equal(CALL(self, 7, 40), EBADF_);
    assert_int_equal(CALL(self, 1, MEMORY_SIZE - 63), EFAULT_);
    free_guest(self);
}

static void nonblock_set_by_the_guest_makes_reads_try_again(void **state) {
    guest *self = new_guest("fd_fdstat_set_flags", "ii:i");
    assert_int_equal(CALL(self, 0, 4), SUCCESS);
    assert_int_equal(CALL(self, 0, 2), EINVAL_); /* DSYNC */
    assert_int_equal(CALL(self, 0, 0x10004), EINVAL_);
    assert_int_equal(CALL(self, 3, 4), EBADF_);
    wasi_fd fd = self->wasi.fds[0];
    free_guest(self);

    self = new_guest("fd_read", "iiii:i");
    self->wasi.fds[0] = fd;
    set_iovec(self, 16, 100, 8);
    assert_int_equal(CALL(self, 0, 16, 1, 50), EAGAIN_);
    free_guest(self);
}

static void seeking_gives_espipe_and_unknown_descriptors_ebadf(void **state) {
    static const struct {
        const char *name, *signature;
    } functions[] = {
        {"fd_seek", "iIii:i"}, {"fd_tell", "ii:i"}, {"fd_pread", "iiiIi:i"}, {"fd_pwrite", "iiiIi:i"}};
    for (size_t i = 0; i < 4; i++) {
        guest *self = new_guest(functions[i].name, functions[i].signature);
        for (uint32_t fd = 0; fd < 3; fd++) assert_int_equal(CALL(self, fd, 0, 0, 0, 0), ESPIPE_);
        assert_int_equal(CALL(self, 3, 0, 0, 0, 0), EBADF_);
        free_guest(self);
    }
}

static void a_closed_descriptor_is_gone(void **state) {
    guest *self = new_guest("fd_close", "i:i");
    assert_int_equal(CALL(self, 1), SUCCESS);
    assert_int_equal(CALL(self, 1), EBADF_);
    assert_int_equal(CALL(self, 3), EBADF_);
    wasi_fd fd = self->wasi.fds[1];
    free_guest(self);

    self = new_guest("fd_write", "iiii:i");
    self->wasi.fds[1] = fd;
    set_iovec(self, 16, 100, 1);
    assert_int_equal(CALL(self, 1, 16, 1, 50), EBADF_);
    assert_int_equal(CALL(self, 2, 16, 1, 50), SUCCESS);
    free_guest(self);
}

static void there_are_no_preopened_directories(void **state) {
    guest *self = new_guest("fd_prestat_get", "ii:i");
    for (uint32_t fd = 0; fd < 6; fd++) assert_int_equal(CALL(self, fd, 16), EBADF_);
    free_guest(self);
    self = new_guest("fd_prestat_dir_name", "iii:i");
    assert_int_equal(CALL(self, 3, 16, 4), EBADF_);
    free_guest(self);
}

/* ---- poll_oneoff ---- */

enum { CLOCK = 0, FD_READ = 1, FD_WRITE = 2, ABSOLUTE = 1 };

static void subscribe_clock(guest *self, uint32_t index, uint64_t userdata, uint32_t clock, uint64_t timeout,
                            uint16_t flags) {
    uint32_t address = 1000 + index * 48;
    memset(at(self, address), 0xCC, 48); /* padding and precision mean nothing */
    set(self, address, 8, userdata);
    set(self, address + 8, 1, CLOCK);
    set(self, address + 16, 4, clock);
    set(self, address + 24, 8, timeout);
    set(self, address + 40, 2, flags);
}

static void subscribe_fd(guest *self, uint32_t index, uint64_t userdata, uint8_t type, uint32_t fd) {
    uint32_t address = 1000 + index * 48;
    memset(at(self, address), 0xCC, 48);
    set(self, address, 8, userdata);
    set(self, address + 8, 1, type);
    set(self, address + 16, 4, fd);
}

static guest *new_poller(void) {
    return new_guest("poll_oneoff", "iiii:i");
}

#define POLL(self, count) start(self, ARGUMENTS(1000, 2000, count, 50))
#define EVENT(index)      (2000 + (index) * 32)

static void expect_events(guest *self, engine_outcome outcome, uint32_t count) {
    assert_int_equal(outcome, ENGINE_FINISHED);
    assert_int_equal(*engine_exec_results(self->exec), SUCCESS);
    assert_int_equal(get(self, 50, 4), count);
}

static void expect_event(guest *self, uint32_t index, uint64_t userdata, uint16_t error, uint8_t type) {
    assert_int_equal(get(self, EVENT(index), 8), userdata);
    assert_int_equal(get(self, EVENT(index) + 8, 2), error);
    assert_int_equal(get(self, EVENT(index) + 10, 1), type);
}

static void a_relative_timeout_is_counted_from_the_call(void **state) {
    guest *self = new_poller();
    self->wasi.is_deterministic = true;
    subscribe_clock(self, 0, 0x1122334455667788, 1, 5000, 0);
    assert_int_equal(POLL(self, 1), ENGINE_WAITING);
    assert_int_equal(self->wasi.wait, WASI_WAIT_TIME);
    uint64_t wake_at = self->wasi.wake_at;
    assert_true(wake_at >= 5000 && wake_at < 6000);
    /* Looking too early changes nothing. */
    wasi_skip_to(&self->wasi, self->exec, wake_at - 100);
    assert_int_equal(engine_exec_run(self->exec, SLICE), ENGINE_WAITING);
    assert_int_equal(self->wasi.wake_at, wake_at);
    wasi_skip_to(&self->wasi, self->exec, wake_at);
    expect_events(self, engine_exec_run(self->exec, SLICE), 1);
    expect_event(self, 0, 0x1122334455667788, SUCCESS, CLOCK);
    free_guest(self);
}

static void real_sleeps_last_at_least_as_long_as_asked(void **state) {
    guest *self = new_poller();
    for (uint32_t clock = 0; clock < 2; clock++) {
        subscribe_clock(self, 0, 1, clock, 3000000, 0);
        uint64_t before = os_monotonic_ns();
        engine_outcome outcome = POLL(self, 1);
        while (outcome == ENGINE_WAITING) {
            os_sleep_until(self->wasi.wake_at);
            outcome = engine_exec_run(self->exec, SLICE);
        }
        assert_true(os_monotonic_ns() - before >= 3000000);
        expect_events(self, outcome, 1);
    }
    free_guest(self);
}

static void absolute_times_work_on_both_clocks(void **state) {
    guest *self = new_poller();
    subscribe_clock(self, 0, 1, 0, 1000, ABSOLUTE); /* 1970: long ago */
    expect_events(self, POLL(self, 1), 1);
    uint64_t in_an_hour = os_realtime_ns() + 3600000000000;
    subscribe_clock(self, 0, 1, 0, in_an_hour, ABSOLUTE);
    uint64_t now = os_monotonic_ns();
    assert_int_equal(POLL(self, 1), ENGINE_WAITING);
    assert_true(self->wasi.wake_at > now + 3590000000000 && self->wasi.wake_at < now + 3610000000000);
    subscribe_clock(self, 0, 1, 1, now + 7777777777777, ABSOLUTE);
    assert_int_equal(POLL(self, 1), ENGINE_WAITING);
    assert_int_equal(self->wasi.wake_at, now + 7777777777777);
    subscribe_clock(self, 0, 1, 1, UINT64_MAX, 0); /* relative, for ever */
    assert_int_equal(POLL(self, 1), ENGINE_WAITING);
    assert_int_equal(self->wasi.wake_at, UINT64_MAX);
    free_guest(self);
}

static void the_first_of_several_clocks_ends_the_wait(void **state) {
    guest *self = new_poller();
    self->wasi.is_deterministic = true;
    subscribe_clock(self, 0, 10, 1, 900000, 0);
    subscribe_clock(self, 1, 11, 1, 400000, 0);
    subscribe_clock(self, 2, 12, 0, 400000, 0);
    assert_int_equal(POLL(self, 3), ENGINE_WAITING);
    wasi_skip_to(&self->wasi, self->exec, self->wasi.wake_at);
    expect_events(self, engine_exec_run(self->exec, SLICE), 2); /* all that are due, in the order asked for */
    expect_event(self, 0, 11, SUCCESS, CLOCK);
    expect_event(self, 1, 12, SUCCESS, CLOCK);
    free_guest(self);
}

static void a_read_subscription_tells_how_much_waits(void **state) {
    guest *self = new_poller();
    subscribe_fd(self, 0, 5, FD_READ, 0);
    subscribe_clock(self, 1, 6, 1, 3600000000000, 0);
    assert_int_equal(POLL(self, 2), ENGINE_WAITING);
    assert_int_equal(self->wasi.wait, WASI_WAIT_INPUT | WASI_WAIT_TIME);
    give_input(self, "hello");
    assert_true(wasi_is_ready(&self->wasi));
    expect_events(self, engine_exec_run(self->exec, SLICE), 1);
    expect_event(self, 0, 5, SUCCESS, FD_READ);
    assert_int_equal(get(self, EVENT(0) + 16, 8), 5);
    assert_int_equal(get(self, EVENT(0) + 24, 2), 0);
    assert_int_equal(self->input.size, 5); /* polling reads nothing */
    free_guest(self);
}

static void the_end_of_input_is_a_hangup(void **state) {
    guest *self = new_poller();
    self->wasi.input_ended = true;
    subscribe_fd(self, 0, 5, FD_READ, 0);
    expect_events(self, POLL(self, 1), 1);
    expect_event(self, 0, 5, SUCCESS, FD_READ);
    assert_int_equal(get(self, EVENT(0) + 16, 8), 0);
    assert_int_equal(get(self, EVENT(0) + 24, 2), 1);
    free_guest(self);
}

static void writes_are_always_ready(void **state) {
    guest *self = new_poller();
    subscribe_fd(self, 0, 5, FD_WRITE, 1);
    subscribe_fd(self, 1, 6, FD_WRITE, 2);
    subscribe_fd(self, 2, 7, FD_READ, 0);
    expect_events(self, POLL(self, 3), 2);
    expect_event(self, 0, 5, SUCCESS, FD_WRITE);
    expect_event(self, 1, 6, SUCCESS, FD_WRITE);
    free_guest(self);
}

static void wrong_descriptors_and_clocks_are_events_with_errors(void **state) {
    guest *self = new_poller();
    subscribe_fd(self, 0, 1, FD_READ, 1);
    subscribe_fd(self, 1, 2, FD_WRITE, 0);
    subscribe_fd(self, 2, 3, FD_READ, 99);
    subscribe_clock(self, 3, 4, 2, 1, 0);
    subscribe_clock(self, 4, 5, 1, 1, 2);
    expect_events(self, POLL(self, 5), 5);
    for (uint32_t i = 0; i < 3; i++) assert_int_equal(get(self, EVENT(i) + 8, 2), EBADF_);
    for (uint32_t i = 3; i < 5; i++) assert_int_equal(get(self, EVENT(i) + 8, 2), EINVAL_);
    free_guest(self);
}

static void senseless_polls_are_refused(void **state) {
    guest *self = new_poller();
    assert_int_equal(CALL(self, 1000, 2000, 0, 50), EINVAL_);
    subscribe_fd(self, 0, 1, 3, 0);
    assert_int_equal(CALL(self, 1000, 2000, 1, 50), EINVAL_);
    subscribe_clock(self, 0, 1, 0, 0, 0);
    assert_int_equal(CALL(self, WILD, 2000, 1, 50), EFAULT_);
    assert_int_equal(CALL(self, 1000, WILD, 1, 50), EFAULT_);
    assert_int_equal(CALL(self, 1000, 2000, 1, WILD), EFAULT_);
    assert_int_equal(CALL(self, 1000, 2000, UINT32_MAX, 50), EFAULT_);
    assert_int_equal(CALL(self, 1000, 1000, 1, 50), SUCCESS); /* in and out may overlap */
    free_guest(self);
}

/* ---- The process ---- */

static void proc_exit_ends_the_guest_with_its_code(void **state) {
    guest *self = new_guest("proc_exit", "i:");
    assert_int_equal(start(self, ARGUMENTS(300)), ENGINE_TRAPPED);
    assert_int_equal(engine_exec_trap(self->exec), ENGINE_TRAP_HOST);
    assert_int_equal(self->wasi.end, WASI_EXITED);
    assert_int_equal(self->wasi.exit_code, 300);
    free_guest(self);
}

static void signals_end_the_guest_or_are_ignored_as_posix_says(void **state) {
    /* NONE, CHLD, CONT, STOP, TSTP, TTIN, TTOU, URG, WINCH */
    const uint32_t ignored =
        1u << 0 | 1u << 16 | 1u << 17 | 1u << 18 | 1u << 19 | 1u << 20 | 1u << 21 | 1u << 22 | 1u << 27;
    for (uint32_t signal = 0; signal < 31; signal++) {
        guest *self = new_guest("proc_raise", "i:i");
        if (ignored >> signal & 1) {
            assert_int_equal(CALL(self, signal), SUCCESS);
        } else {
            assert_int_equal(start(self, ARGUMENTS(signal)), ENGINE_TRAPPED);
            assert_int_equal(self->wasi.end, WASI_RAISED);
            assert_int_equal(self->wasi.exit_code, 128 + signal);
        }
        free_guest(self);
    }
    guest *self = new_guest("proc_raise", "i:i");
    assert_int_equal(CALL(self, 31), EINVAL_);
    assert_int_equal(CALL(self, UINT32_MAX), EINVAL_);
    free_guest(self);
}

static void sched_yield_gives_the_others_a_turn(void **state) {
    guest *self = new_guest("sched_yield", ":i");
    assert_int_equal(start(self, NULL), ENGINE_OUT_OF_FUEL);
    assert_int_equal(engine_exec_run(self->exec, SLICE), ENGINE_FINISHED);
    assert_int_equal(*engine_exec_results(self->exec), SUCCESS);
    free_guest(self);
}

/* ---- All of preview 1 ---- */

/* From wasi_snapshot_preview1.witx: pointers, sizes and handles are i32, u64 and i64 values I64. */
static const struct {
    const char *name, *signature;
} preview1[] = {
    {"args_get", "ii:i"},
    {"args_sizes_get", "ii:i"},
    {"environ_get", "ii:i"},
    {"environ_sizes_get", "ii:i"},
    {"clock_res_get", "ii:i"},
    {"clock_time_get", "iIi:i"},
    {"fd_advise", "iIIi:i"},
    {"fd_allocate", "iII:i"},
    {"fd_close", "i:i"},
    {"fd_datasync", "i:i"},
    {"fd_fdstat_get", "ii:i"},
    {"fd_fdstat_set_flags", "ii:i"},
    {"fd_fdstat_set_rights", "iII:i"},
    {"fd_filestat_get", "ii:i"},
    {"fd_filestat_set_size", "iI:i"},
    {"fd_filestat_set_times", "iIIi:i"},
    {"fd_pread", "iiiIi:i"},
    {"fd_prestat_get", "ii:i"},
    {"fd_prestat_dir_name", "iii:i"},
    {"fd_pwrite", "iiiIi:i"},
    {"fd_read", "iiii:i"},
    {"fd_readdir", "iiiIi:i"},
    {"fd_renumber", "ii:i"},
    {"fd_seek", "iIii:i"},
    {"fd_sync", "i:i"},
    {"fd_tell", "ii:i"},
    {"fd_write", "iiii:i"},
    {"path_create_directory", "iii:i"},
    {"path_filestat_get", "iiiii:i"},
    {"path_filestat_set_times", "iiiiIIi:i"},
    {"path_link", "iiiiiii:i"},
    {"path_open", "iiiiiIIii:i"},
    {"path_readlink", "iiiiii:i"},
    {"path_remove_directory", "iii:i"},
    {"path_rename", "iiiiii:i"},
    {"path_symlink", "iiiii:i"},
    {"path_unlink_file", "iii:i"},
    {"poll_oneoff", "iiii:i"},
    {"proc_exit", "i:"},
    {"proc_raise", "i:i"},
    {"sched_yield", ":i"},
    {"random_get", "ii:i"},
    {"sock_accept", "iii:i"},
    {"sock_recv", "iiiiii:i"},
    {"sock_send", "iiiii:i"},
    {"sock_shutdown", "ii:i"},
};
enum { PREVIEW1_COUNT = sizeof preview1 / sizeof preview1[0] };

static void every_function_of_preview_1_links(void **state) {
    assert_int_equal(PREVIEW1_COUNT, 46);
    for (size_t i = 0; i < PREVIEW1_COUNT; i++) {
        guest *self = new_guest(preview1[i].name, preview1[i].signature);
        engine_import import = engine_module_import(self->module, 0);
        assert_true(wasi_has(import.name));
        assert_true(wasi_type_matches(import.name, import.type.func));
        free_guest(self);
    }
    assert_false(wasi_has(BASE_LITERAL("")));
    assert_false(wasi_has(BASE_LITERAL("fd_")));
    assert_false(wasi_has(BASE_LITERAL("fd_readd")));
    assert_false(wasi_has(BASE_LITERAL("zzz")));
    assert_false(wasi_has(BASE_LITERAL("a")));
}

static void a_wrong_type_is_told_from_the_right_one(void **state) {
    guest *self = new_guest("fd_read", "iiii:i");
    const engine_functype *type = engine_module_import(self->module, 0).type.func;
    assert_false(wasi_type_matches(BASE_LITERAL("clock_time_get"), type));
    assert_false(wasi_type_matches(BASE_LITERAL("fd_close"), type));
    assert_false(wasi_type_matches(BASE_LITERAL("fd_seek"), type));
    assert_true(wasi_type_matches(BASE_LITERAL("fd_write"), type));
    free_guest(self);
}

static void files_and_sockets_answer_with_an_errno(void **state) {
    for (size_t i = 0; i < PREVIEW1_COUNT; i++) {
        bool is_file =
            strncmp(preview1[i].name, "path_", 5) == 0 || strncmp(preview1[i].name, "sock_", 5) == 0;
        if (!is_file) continue;
        guest *self = new_guest(preview1[i].name, preview1[i].signature);
        uint64_t arguments[9] = {3, 3, 3, 3, 3, 3, 3, 3, 3};
        assert_int_equal(call(self, arguments), EBADF_);
        for (int j = 0; j < 9; j++) arguments[j] = 1;
        assert_int_equal(call(self, arguments), ENOTCAPABLE_);
        free_guest(self);
    }
}

/* Whatever the arguments are, the guest gets an answer (or waits, or ends), and the sanitizers have nothing to say. */
static void wild_arguments_to_every_function_are_harmless(void **state) {
    const uint64_t values[] = {0,           1,          2,          3,    8,         MEMORY_SIZE - 1,
                               MEMORY_SIZE, 0x7FFFFFFF, 0x80000000, WILD, UINT32_MAX};
    enum { VALUE_COUNT = sizeof values / sizeof values[0] };
    uint32_t random = 12345;
    for (size_t i = 0; i < PREVIEW1_COUNT; i++) {
        size_t params = strchr(preview1[i].signature, ':') - preview1[i].signature;
        for (int round = 0; round < 300; round++) {
            guest *self = round == 0 ? NULL : *state;
            if (!self) *state = self = new_guest(preview1[i].name, preview1[i].signature);
            uint64_t arguments[9];
            for (size_t j = 0; j < params; j++) {
                random = random * 1664525 + 1013904223;
                arguments[j] = values[(random >> 16) % VALUE_COUNT];
                if (preview1[i].signature[j] == 'I' && (random & 0x800000)) arguments[j] = ~arguments[j];
            }
            engine_outcome outcome = start(self, arguments);
            for (int turn = 0; turn < 4 && outcome == ENGINE_WAITING; turn++) {
                self->wasi.output.size = 0;
                outcome = engine_exec_run(self->exec, SLICE);
            }
            if (outcome == ENGINE_FINISHED && engine_exec_type(self->exec)->result_count > 0) {
                assert_true(*engine_exec_results(self->exec) <= ENOTCAPABLE_);
            }
            if (outcome == ENGINE_TRAPPED) assert_int_not_equal(self->wasi.end, WASI_RUNNING);
            self->wasi.again = false;
        }
        free_guest(*state);
        *state = NULL;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_are_empty_by_default),
        cmocka_unit_test(arguments_arrive_terminated_with_pointers_to_each),
        cmocka_unit_test(environment_arrives),
        cmocka_unit_test(randomness_fills_all_of_the_buffer_and_nothing_else),
        cmocka_unit_test(a_large_buffer_of_randomness_takes_several_turns),
        cmocka_unit_test(a_seed_makes_randomness_repeatable),
        cmocka_unit_test(clocks_tell_the_time_and_only_two_exist),
        cmocka_unit_test(deterministic_clocks_start_where_they_are_told_and_skip),
        cmocka_unit_test(a_read_waits_for_input_and_goes_on_with_it),
        cmocka_unit_test(a_read_takes_no_more_than_it_has_room_for),
        cmocka_unit_test(reading_nothing_or_at_the_end_gives_zero_bytes),
        cmocka_unit_test(a_failing_input_is_an_error_of_the_read),
        cmocka_unit_test(only_fd_0_can_be_read),
        cmocka_unit_test(wild_pointers_of_a_read_take_no_input),
        cmocka_unit_test(buffers_of_4_gib_together_are_refused),
        cmocka_unit_test(a_read_into_its_own_list_is_harmless),
        cmocka_unit_test(an_async_guest_is_told_to_try_again_and_slowed_down),
        cmocka_unit_test(a_write_gathers_all_of_its_buffers),
        cmocka_unit_test(a_write_larger_than_the_host_takes_at_once_is_written_whole),
        cmocka_unit_test(both_streams_keep_the_order_in_which_they_were_written),
        cmocka_unit_test(only_fds_1_and_2_can_be_written),
        cmocka_unit_test(wild_pointers_of_a_write_write_nothing),
        cmocka_unit_test(an_error_of_the_output_is_an_error_of_the_write),
        cmocka_unit_test(the_three_descriptors_are_character_devices),
        cmocka_unit_test(nonblock_set_by_the_guest_makes_reads_try_again),
        cmocka_unit_test(seeking_gives_espipe_and_unknown_descriptors_ebadf),
        cmocka_unit_test(a_closed_descriptor_is_gone),
        cmocka_unit_test(there_are_no_preopened_directories),
        cmocka_unit_test(a_relative_timeout_is_counted_from_the_call),
        cmocka_unit_test(real_sleeps_last_at_least_as_long_as_asked),
        cmocka_unit_test(absolute_times_work_on_both_clocks),
        cmocka_unit_test(the_first_of_several_clocks_ends_the_wait),
        cmocka_unit_test(a_read_subscription_tells_how_much_waits),
        cmocka_unit_test(the_end_of_input_is_a_hangup),
        cmocka_unit_test(writes_are_always_ready),
        cmocka_unit_test(wrong_descriptors_and_clocks_are_events_with_errors),
        cmocka_unit_test(senseless_polls_are_refused),
        cmocka_unit_test(proc_exit_ends_the_guest_with_its_code),
        cmocka_unit_test(signals_end_the_guest_or_are_ignored_as_posix_says),
        cmocka_unit_test(sched_yield_gives_the_others_a_turn),
        cmocka_unit_test(every_function_of_preview_1_links),
        cmocka_unit_test(a_wrong_type_is_told_from_the_right_one),
        cmocka_unit_test(files_and_sockets_answer_with_an_errno),
        cmocka_unit_test(wild_arguments_to_every_function_are_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

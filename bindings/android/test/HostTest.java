import dev.wplug.*;

import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/**
 * The Java binding, with real plugins. Each public method without parameters is a test.
 *
 * <p>usage: HostTest PLUGINS GUESTS, the folders of the example plugins and of the guests of tests/e2e. Of the latter `ask`
 * calls the host methods `first` and `second` at once, with its own params, and answers with the two responses as they came.
 */
public final class HostTest {
    private static Path plugins, guests;

    /* ---- Helpers ---- */

    private static byte[] bytes(Path file) throws Exception {
        return Files.readAllBytes(file);
    }

    private static Plugin tester() throws Exception {
        return Plugin.load(bytes(plugins.resolve("test-plugin.wasm")));
    }

    private static Plugin guest(String name) throws Exception {
        return Plugin.load(bytes(guests.resolve(name + ".wasm")));
    }

    private static void equal(Object expected, Object actual) {
        if (expected == null ? actual != null : !expected.equals(actual)) {
            throw new AssertionError("expected " + expected + ", not " + actual);
        }
    }

    private static void contains(String part, String whole) {
        if (!whole.contains(part)) throw new AssertionError("expected \"" + part + "\" in: " + whole);
    }

    private static void that(boolean holds, String what) {
        if (!holds) throw new AssertionError(what);
    }

    private interface Action {
        void run() throws Exception;
    }

    private static <E extends Throwable> E thrown(Class<E> type, Action action) {
        try {
            action.run();
        } catch (Throwable e) {
            if (type.isInstance(e)) return type.cast(e);
            throw new AssertionError("expected " + type.getName() + ", not " + e, e);
        }
        throw new AssertionError("expected " + type.getName() + ", and nothing was thrown");
    }

    private static Throwable cause(CompletableFuture<?> future) throws Exception {
        return thrown(ExecutionException.class, () -> future.get(60, TimeUnit.SECONDS)).getCause();
    }

    /** Answers of `first` and `second` to `ask`, which numbers its requests 0 and 1. */
    private static String ask(Host host, String params) throws Exception {
        try (Plugin ask = guest("ask")) {
            return host.call(ask, "both", params).json();
        }
    }

    /* ---- Calls ---- */

    public void a_call_answers_with_json_and_what_it_took() throws Exception {
        try (Plugin plugin = tester(); Host host = Host.builder().build()) {
            equal("\"pong\"", host.call(plugin, "ping", null).json());
            Result primes = host.call(plugin, "prime_sieve", "{\"limit\":1000}");
            equal("{\"count\":168,\"limit\":1000}", primes.json());
            that(primes.fuelUsed() > 1000, "a sieve of 1000 needs more than 1000 instructions");
            that(primes.timeNanos() > 0, "it takes time");
            that(primes.memoryBytes() >= 65536 && primes.memoryBytes() % 65536 == 0, "memory is whole pages");
        }
    }

    public void a_call_completes_a_future() throws Exception {
        try (Plugin plugin = tester(); Host host = Host.builder().threads(1).build()) {
            Call call = host.callAsync(plugin, "prime_sieve", "100");
            equal("{\"count\":25,\"limit\":100}", call.thenApply(Result::json).get(60, TimeUnit.SECONDS));
        }
    }

    public void text_goes_through_whole() throws Exception {
        String text = "\"\u00e4 \u20ac \ud83d\ude00 \\u0000 18446744073709551615\"";
        try (Host host = Host.builder().method("first", Request::params).method("second", r -> r.params()).build()) {
            String both = ask(host, text);
            contains("\"id\":0,\"result\":" + text, both);
            contains("\"id\":1,\"result\":" + text, both);
        }
    }

    public void what_is_not_json_is_refused() throws Exception {
        try (Plugin plugin = tester(); Host host = Host.builder().build()) {
            for (String params : new String[] {"{", "", "1\u0000garbage"}) {
                WplugException e = thrown(WplugException.class, () -> host.call(plugin, "ping", params));
                equal(Status.BAD_JSON, e.status());
            }
            thrown(IllegalArgumentException.class, () -> host.call(plugin, "pi\u0000ng", null));
            thrown(NullPointerException.class, () -> host.call(plugin, null, null));
        }
    }

    public void many_threads_make_many_calls() throws Exception {
        AtomicInteger echoes = new AtomicInteger();
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try (Plugin plugin = tester();
             Host host = Host.builder().threads(2).method("echo", request -> {
                 echoes.incrementAndGet();
                 return request.params();
             }).build()) {
            List<CompletableFuture<Void>> all = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                all.add(CompletableFuture.runAsync(() -> {
                    for (int k = 0; k < 50; k++) equal("null", host.call(plugin, "many_echo", "5").json());
                }, threads));
            }
            for (CompletableFuture<Void> each : all) each.get(300, TimeUnit.SECONDS);
            equal(8 * 50 * 5, echoes.get());
        } finally {
            threads.shutdown();
        }
    }

    /* ---- Errors ---- */

    public void a_plugin_s_error_has_code_message_and_data() throws Exception {
        try (Plugin plugin = tester(); Host host = Host.builder().build()) {
            RpcException e = thrown(RpcException.class, () -> host.call(plugin, "prime_sieve", "\"many\""));
            equal((long) RpcException.INVALID_PARAMS, e.code());
            that(!e.error().isEmpty(), "it has a message");
            contains("prime_sieve", e.getMessage());
            RpcException unknown = thrown(RpcException.class, () -> host.call(plugin, "no_such", null));
            equal((long) RpcException.METHOD_NOT_FOUND, unknown.code());
            equal(null, unknown.data());
        }
        try (Plugin plugin = guest("refuse"); Host host = Host.builder().build()) {
            RpcException e = (RpcException) cause(host.callAsync(plugin, "anything", null));
            equal(-32602L, e.code());
            equal("no such colour", e.error());
            equal("{\"colour\":\"octarine\"}", e.data());
        }
    }

    public void a_trap_has_a_backtrace() throws Exception {
        try (Plugin plugin = guest("crash"); Host host = Host.builder().build()) {
            CallException e = thrown(CallException.class, () -> host.call(plugin, "anything", null));
            equal(Status.TRAP, e.status());
            contains("    at ", e.backtrace());
            that(!e.getMessage().isEmpty(), "it has a sentence");
        }
    }

    public void a_module_that_is_none_says_why() throws Exception {
        equal(Status.FILE_EMPTY, thrown(LoadException.class, () -> Plugin.load(new byte[0])).status());
        equal(Status.NOT_WASM, thrown(LoadException.class, () -> Plugin.load("#!/bin/sh\n".getBytes())).status());
        byte[] whole = bytes(plugins.resolve("hello.wasm"));
        byte[] half = java.util.Arrays.copyOf(whole, whole.length / 2);
        equal(Status.TRUNCATED, thrown(LoadException.class, () -> Plugin.load(half)).status());
        equal(Status.REACTOR, thrown(LoadException.class, () -> guest("reactor")).status());
        thrown(NullPointerException.class, () -> Plugin.load(null));
    }

    public void every_status_of_the_header_has_its_name_here() throws Exception {
        Method of = Status.class.getDeclaredMethod("of", int.class);
        Method name = Class.forName("dev.wplug.Native").getDeclaredMethod("statusName", int.class);
        of.setAccessible(true);
        name.setAccessible(true);
        int known = 0;
        for (int i = 0; i < 96; i++) {
            Status status = (Status) of.invoke(null, i);
            String native_name = (String) name.invoke(null, i);
            if (status == Status.UNKNOWN) {
                that(!native_name.matches("WPLUG_[A-Z_]+"), native_name + " is missing");
            } else {
                equal(native_name, "WPLUG_" + status);
                known++;
            }
        }
        equal(Status.values().length - 1, known);
    }

    /* ---- Limits and cancelling ---- */

    public void limits_end_calls() throws Exception {
        try (Plugin plugin = tester(); Host host = Host.builder().build()) {
            CallOptions fuel = new CallOptions().limits(new Limits().fuel(1_000_000));
            equal(Status.FUEL_LIMIT,
                    thrown(CallException.class, () -> host.call(plugin, "prime_sieve", "100000000", fuel)).status());
            CallOptions time = new CallOptions().limits(new Limits().timeNanos(50_000_000)).priority(1);
            equal(Status.TIME_LIMIT,
                    thrown(CallException.class, () -> host.call(plugin, "sleep", "3600000", time)).status());
            CallOptions log = new CallOptions().limits(new Limits().logBytes(10).fuel(Limits.UNLIMITED));
            equal(Status.LOG_LIMIT,
                    thrown(CallException.class, () -> host.call(plugin, "prime_sieve", "100", log)).status());
            thrown(IllegalArgumentException.class, () -> new Limits().fuel(0));
        }
        PluginOptions options = new PluginOptions().limits(new Limits().fuel(1_000_000));
        try (Plugin plugin = Plugin.load(bytes(plugins.resolve("test-plugin.wasm")), options);
             Host host = Host.builder().build()) {
            equal(Status.FUEL_LIMIT,
                    thrown(CallException.class, () -> host.call(plugin, "prime_sieve", "100000000")).status());
        }
    }

    /** So that nothing but what is tested ends a call. */
    private static CallOptions endless() {
        return new CallOptions().limits(new Limits().timeNanos(Limits.UNLIMITED));
    }

    public void a_cancelled_call_stops() throws Exception {
        try (Plugin plugin = guest("spin"); Plugin tester = tester();
             Host host = Host.builder().threads(1).callsPerThread(1).build()) {
            Call call = host.callAsync(plugin, "anything", null, endless());
            that(call.cancel(true), "it was running");
            thrown(CancellationException.class, () -> call.get());
            // The thread takes one call at a time, so this one runs when the other has stopped.
            equal("\"pong\"", host.call(tester, "ping", null).json());
        }
    }

    public void an_interrupt_ends_a_blocking_call() throws Exception {
        CountDownLatch asked = new CountDownLatch(1);
        AtomicReference<Throwable> end = new AtomicReference<>();
        AtomicReference<Boolean> still = new AtomicReference<>();
        AtomicReference<Request> kept = new AtomicReference<>();
        try (Plugin plugin = tester();
             Host host = Host.builder().asyncMethod("echo", request -> {
                 kept.set(request);
                 asked.countDown();
                 return new CompletableFuture<>();
             }).build()) {
            Thread thread = new Thread(() -> {
                end.set(thrown(CallException.class, () -> host.call(plugin, "many_echo", "1", endless())));
                still.set(Thread.currentThread().isInterrupted());
            });
            thread.start();
            asked.await();
            thread.interrupt();
            thread.join();
            equal(Status.CANCELLED, ((CallException) end.get()).status());
            equal(true, still.get());
            while (kept.get().isOpen()) Thread.sleep(1); // its call ends, too
        }
    }

    public void a_full_queue_says_so() throws Exception {
        try (Plugin plugin = guest("spin");
             Host host = Host.builder().threads(1).callsPerThread(1).queueCapacity(1).build()) {
            WplugException e = thrown(WplugException.class, () -> {
                for (int i = 0; i < 3; i++) host.callAsync(plugin, "anything", null);
            });
            equal(Status.BUSY, e.status());
        }
    }

    /* ---- Host methods ---- */

    public void a_host_method_answers_later_from_any_thread() throws Exception {
        CompletableFuture<String> first = new CompletableFuture<>(), second = new CompletableFuture<>();
        CountDownLatch asked = new CountDownLatch(2);
        try (Plugin ask = guest("ask"); Host host = Host.builder().threads(1).asyncMethod("first", request -> {
            asked.countDown();
            return first;
        }).asyncMethod("second", request -> {
            asked.countDown();
            return second;
        }).build()) {
            Call call = host.callAsync(ask, "both", "7");
            asked.await();
            that(!call.isDone(), "it waits for its answers");
            new Thread(() -> second.complete("\"2nd\"")).start();
            new Thread(() -> second.thenRun(() -> first.complete("\"1st\""))).start();
            String both = call.get(60, TimeUnit.SECONDS).json();
            contains("\"id\":0,\"result\":\"1st\"", both);
            contains("\"id\":1,\"result\":\"2nd\"", both);
        }
    }

    public void exceptions_of_host_methods_are_answers() throws Exception {
        try (Host host = Host.builder().method("first", request -> {
            throw new RpcException(-32050, "no \u20ac\u0000left", "{\"of\":[1]}");
        }).method("second", request -> {
            throw new IllegalStateException("not \"now\"");
        }).build()) {
            String both = ask(host, "1");
            contains("\"code\":-32050", both);
            contains("\"message\":\"no \u20ac\ufffdleft\"", both);
            contains("\"data\":{\"of\":[1]}", both);
            contains("\"code\":-32000", both);
            contains("\"message\":\"not \\\"now\\\"\"", both);
        }
        try (Host host = Host.builder().asyncMethod("first", request -> {
            CompletableFuture<String> failed = new CompletableFuture<>();
            failed.completeExceptionally(new RpcException(5, "later", "{ not JSON"));
            return failed.thenApply(text -> text); // so that it comes wrapped
        }).asyncMethod("second", request -> null).build()) {
            String both = ask(host, "1");
            contains("\"code\":5,\"message\":\"later\"}", both);
            contains("\"id\":1,\"error\":{\"code\":-32000", both);
        }
    }

    public void deep_recursion_in_a_host_method_is_an_answer() throws Exception {
        try (Host host = Host.builder().method("first", request -> deeper(1)).method("second", r -> "2").build()) {
            String both = ask(host, "1");
            contains("StackOverflowError", both);
            contains("\"id\":1,\"result\":2", both);
        }
    }

    private static String deeper(int depth) {
        return deeper(depth + 1) + depth;
    }

    public void a_result_that_is_not_json_is_an_error() throws Exception {
        try (Host host = Host.builder().method("first", request -> "{").method("second", request -> "1\u0000").build()) {
            String both = ask(host, "1");
            contains("\"id\":0,\"error\":{\"code\":-32603,\"message\":\"what the host method first returned is not JSON\"", both);
            contains("\"id\":1,\"error\":{\"code\":-32603,\"message\":\"what the host method second returned is not JSON\"", both);
        }
    }

    public void unknown_and_hidden_methods_are_not_found() throws Exception {
        PluginOptions options = new PluginOptions().allow("second");
        try (Plugin ask = Plugin.load(bytes(guests.resolve("ask.wasm")), options);
             Host host = Host.builder().method("first", request -> "1").build()) {
            String both = host.call(ask, "both", "1").json();
            contains("\"id\":0,\"error\":{\"code\":-32601", both);
            contains("\"id\":1,\"error\":{\"code\":-32601", both);
        }
    }

    public void a_request_tells_who_asks() throws Exception {
        UUID id = UUID.fromString("6ba7b810-9dad-41d1-80b4-00c04fd430c8");
        AtomicReference<Request> seen = new AtomicReference<>();
        try (Plugin ask = Plugin.load(bytes(guests.resolve("ask.wasm")), new PluginOptions().name("\u00e4sk").id(id));
             Host host = Host.builder().method("first", request -> {
                 seen.set(request);
                 that(request.isOpen(), "it is not answered yet");
                 return null;
             }).method("second", request -> null).build()) {
            equal(id, ask.id());
            equal("\u00e4sk", ask.name());
            contains("\"id\":0,\"result\":null", host.call(ask, "both", "[1]").json());
            equal("first", seen.get().method());
            equal("[1]", seen.get().params());
            equal("\u00e4sk", seen.get().pluginName());
            equal(id, seen.get().pluginId());
            that(!seen.get().isNotification(), "it wants an answer");
            that(!seen.get().isOpen(), "it was answered");
        }
    }

    public void a_host_method_may_call_a_plugin() throws Exception {
        AtomicReference<Host> self = new AtomicReference<>();
        try (Plugin tester = tester();
             Host host = Host.builder().threads(1)
                     .method("first", request -> self.get().call(tester, "prime_sieve", "10").json())
                     .asyncMethod("second",
                             request -> self.get().callAsync(tester, "prime_sieve", "30").thenApply(Result::json))
                     .build()) {
            self.set(host);
            String both = ask(host, "1");
            contains("\"id\":0,\"result\":{\"count\":4,\"limit\":10}", both);
            contains("\"id\":1,\"result\":{\"count\":10,\"limit\":30}", both);
        }
    }

    public void errors_of_calls_inside_of_host_methods_come_through() throws Exception {
        AtomicReference<Host> self = new AtomicReference<>();
        try (Plugin tester = tester();
             Host host = Host.builder().threads(1)
                     .method("first", request -> self.get().call(tester, "no_such", null).json())
                     .method("second", request -> self.get().call(tester, "ping", "{").json())
                     .build()) {
            self.set(host);
            String both = ask(host, "1");
            contains("\"id\":0,\"error\":{\"code\":-32601", both);
            contains("\"id\":1,\"error\":{\"code\":-32000", both);
        }
    }

    public void an_executor_runs_methods_and_completions() throws Exception {
        List<String> threads = Collections.synchronizedList(new ArrayList<>());
        ExecutorService one = Executors.newSingleThreadExecutor(run -> new Thread(run, "mine"));
        try (Plugin plugin = tester();
             Host host = Host.builder().executor(one).method("echo", request -> {
                 threads.add(Thread.currentThread().getName());
                 return request.params();
             }).build()) {
            host.callAsync(plugin, "many_echo", "1")
                    .thenRun(() -> threads.add(Thread.currentThread().getName()))
                    .get(60, TimeUnit.SECONDS);
            equal(java.util.Arrays.asList("mine", "mine"), threads);
            // A blocking call on the executor's only thread waits for no other.
            equal("\"pong\"", one.submit(() -> host.call(plugin, "ping", null).json()).get(60, TimeUnit.SECONDS));
            one.shutdown();
            one.awaitTermination(60, TimeUnit.SECONDS);
            // Nobody waits in vain for one that was shut down.
            equal("\"pong\"", host.callAsync(plugin, "ping", null).get(60, TimeUnit.SECONDS).json());
            thrown(RpcException.class, () -> host.call(plugin, "many_echo", "1"));
        }
    }

    public void log_lines_arrive_with_their_plugin() throws Exception {
        List<String> lines = Collections.synchronizedList(new ArrayList<>());
        UUID id = UUID.fromString("6ba7b810-9dad-41d1-80b4-00c04fd430c8");
        PluginOptions options = new PluginOptions().name("tester").id(id);
        try (Plugin plugin = Plugin.load(bytes(plugins.resolve("test-plugin.wasm")), options);
             Host host = Host.builder().log((name, shortId, line, remark) -> lines.add(name + "[" + shortId + "] " + line))
                     .build()) {
            host.call(plugin, "sleep", "1");
            that(!lines.isEmpty(), "sleep logs");
            contains("tester[d430c8] ", lines.get(0));
            contains("sleeping for 1 ms", lines.get(0));
        }
    }

    /* ---- Options ---- */

    public void a_plugin_sees_its_arguments_and_no_others() throws Exception {
        PluginOptions options = new PluginOptions().args("me", "\u00e4").env("A=b");
        try (Plugin plugin = Plugin.load(bytes(guests.resolve("surroundings.wasm")), options);
             Host host = Host.builder().build()) {
            equal("[\"me\",\"\u00e4\",\"A=b\"]", host.call(plugin, "x", null).json());
        }
    }

    public void deterministic_plugins_repeat_themselves() throws Exception {
        PluginOptions options = new PluginOptions().deterministic(7, 1_000_000_000_000_000_000L);
        String number = null;
        for (int i = 0; i < 2; i++) {
            try (Plugin plugin = Plugin.load(bytes(plugins.resolve("test-plugin.wasm")), options);
                 Host host = Host.builder().build()) {
                String again = host.call(plugin, "get_random_number", null).json();
                if (number != null) equal(number, again);
                number = again;
                equal("1000000000", host.call(plugin, "get_time", null).json());
            }
        }
    }

    /* ---- Closing ---- */

    public void closing_ends_calls_in_flight() throws Exception {
        CountDownLatch asked = new CountDownLatch(1);
        CompletableFuture<String> never = new CompletableFuture<>();
        AtomicReference<Request> kept = new AtomicReference<>();
        Host host = Host.builder().threads(2).asyncMethod("echo", request -> {
            kept.set(request);
            asked.countDown();
            return never;
        }).build();
        Plugin plugin = tester();
        Plugin spin = guest("spin");
        Call waits = host.callAsync(plugin, "many_echo", "1", endless());
        Call spins = host.callAsync(spin, "anything", null, endless());
        asked.await();
        plugin.close(); // a call needs it no more
        spin.close();
        host.close();
        equal(Status.CANCELLED, ((CallException) cause(waits)).status());
        equal(Status.CANCELLED, ((CallException) cause(spins)).status());
        that(!kept.get().isOpen(), "its call has ended");
        never.complete("1"); // goes nowhere, and harms nobody
        thrown(IllegalStateException.class, () -> host.callAsync(plugin, "ping", null));
        host.close();
        plugin.close();
        that(!waits.cancel(true), "it has ended");
    }

    public void a_closed_plugin_cannot_be_called() throws Exception {
        Plugin plugin = tester();
        plugin.close();
        try (Host host = Host.builder().build()) {
            contains("plugin is closed", thrown(IllegalStateException.class, () -> host.call(plugin, "ping", null)).getMessage());
        }
    }

    public void closing_while_threads_call_harms_nobody() throws Exception {
        for (int round = 0; round < 20; round++) {
            Plugin plugin = tester();
            Host host = Host.builder().threads(2).method("echo", Request::params).build();
            CountDownLatch running = new CountDownLatch(4);
            List<Thread> threads = new ArrayList<>();
            List<Throwable> wrong = Collections.synchronizedList(new ArrayList<>());
            for (int i = 0; i < 4; i++) {
                Thread thread = new Thread(() -> {
                    try {
                        host.call(plugin, "many_echo", "2");
                        running.countDown();
                        for (;;) host.call(plugin, "many_echo", "2");
                    } catch (IllegalStateException e) {
                        // closed
                    } catch (WplugException e) {
                        if (e.status() != Status.CANCELLED && e.status() != Status.GONE) wrong.add(e);
                    } catch (Throwable e) {
                        wrong.add(e);
                    } finally {
                        running.countDown();
                    }
                });
                thread.start();
                threads.add(thread);
            }
            running.await();
            if (round % 2 == 0) plugin.close();
            Thread other = new Thread(host::close);
            other.start();
            host.close();
            other.join();
            for (Thread thread : threads) thread.join();
            plugin.close();
            equal(Collections.emptyList(), wrong);
        }
    }

    public void a_completion_may_close_its_host() throws Exception {
        Host host = Host.builder().threads(1).build();
        try (Plugin plugin = tester()) {
            host.callAsync(plugin, "ping", null).thenRun(host::close).get(60, TimeUnit.SECONDS);
            // It is closed by another thread, soon.
            for (;;) {
                try {
                    host.call(plugin, "ping", null);
                } catch (IllegalStateException e) {
                    return;
                } catch (WplugException e) {
                    that(e.status() == Status.CANCELLED || e.status() == Status.GONE, e.toString());
                }
            }
        }
    }

    /* ---- The runner ---- */

    public static void main(String[] arguments) throws Exception {
        plugins = Paths.get(arguments[0]);
        guests = Paths.get(arguments[1]);
        int passed = 0, failed = 0;
        for (Method test : HostTest.class.getDeclaredMethods()) {
            if (test.getParameterCount() > 0 || !java.lang.reflect.Modifier.isPublic(test.getModifiers())) continue;
            try {
                test.invoke(new HostTest());
                System.out.println("ok     " + test.getName());
                passed++;
            } catch (java.lang.reflect.InvocationTargetException e) {
                System.out.println("FAILED " + test.getName());
                e.getCause().printStackTrace(System.out);
                failed++;
            }
        }
        System.out.println(passed + " passed, " + failed + " failed");
        // Not by itself: a thread that a test left behind would keep the program.
        System.exit(failed == 0 && passed > 0 ? 0 : 1);
    }
}

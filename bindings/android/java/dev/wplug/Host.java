package dev.wplug;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;

/**
 * Runs calls of plugins, on threads of its own, and has the methods that plugins may call. For any thread.
 *
 * <pre>{@code
 * try (Plugin plugin = Plugin.load(bytes);
 *      Host host = Host.builder().method("echo", request -> request.params()).build()) {
 *     String pong = host.call(plugin, "ping", null).json();
 * }
 * }</pre>
 */
public final class Host extends Handle implements AutoCloseable {
    private final String[] names;
    private final Object[] methods;
    private final LogListener log;
    private final Executor executor;
    private final Set<Thread> workers = ConcurrentHashMap.newKeySet();

    private Host(Builder builder) {
        super("host");
        names = builder.methods.keySet().toArray(new String[0]);
        methods = builder.methods.values().toArray();
        log = builder.log;
        executor = builder.executor;
        own(Native.hostNew(this, Text.toNative(names, "a method's name"), log != null, builder.threads, builder.queueCapacity,
                builder.callsPerThread, builder.sliceFuel, builder.sandboxes));
    }

    /** The version of the library, like "0.1.0". */
    public static String version() {
        return Native.version();
    }

    public static Builder builder() {
        return new Builder();
    }

    /** What a host is to be. What is not set has the defaults of {@code wplug.h}. */
    public static final class Builder {
        private final Map<String, Object> methods = new LinkedHashMap<>();
        private LogListener log;
        private Executor executor;
        private int threads, queueCapacity, callsPerThread;
        private long sliceFuel, sandboxes;

        private Builder() {}

        /** A method that answers at once. */
        public Builder method(String name, HostMethod method) {
            methods.put(Objects.requireNonNull(name), Objects.requireNonNull(method));
            return this;
        }

        /** A method that answers later. */
        public Builder asyncMethod(String name, AsyncHostMethod method) {
            methods.put(Objects.requireNonNull(name), Objects.requireNonNull(method));
            return this;
        }

        public Builder log(LogListener log) {
            this.log = log;
            return this;
        }

        /**
         * Where host methods run and calls complete. Without one that is the host's own thread which runs the call; whoever
         * blocks there keeps that thread's other calls waiting.
         */
        public Builder executor(Executor executor) {
            this.executor = executor;
            return this;
        }

        /** As many as the system has processors, where it is not set. */
        public Builder threads(int threads) {
            this.threads = notNegative(threads);
            return this;
        }

        /** Calls that wait for a thread; one more fails with {@link Status#BUSY}. */
        public Builder queueCapacity(int calls) {
            this.queueCapacity = notNegative(calls);
            return this;
        }

        /** Calls that one thread has in hand at once. */
        public Builder callsPerThread(int calls) {
            this.callsPerThread = notNegative(calls);
            return this;
        }

        /** How long a call runs before the next has its turn. */
        public Builder sliceFuel(long units) {
            this.sliceFuel = units;
            return this;
        }

        /** Sandboxes that each thread keeps for further calls; -1: none. */
        public Builder sandboxes(long count) {
            this.sandboxes = count;
            return this;
        }

        public Host build() {
            return new Host(this);
        }

        private static int notNegative(int value) {
            if (value < 0) throw new IllegalArgumentException("negative: " + value);
            return value;
        }
    }

    public Call callAsync(Plugin plugin, String method, String params) {
        return callAsync(plugin, method, params, CallOptions.NONE);
    }

    /**
     * Starts a call in a fresh sandbox.
     *
     * @param params any JSON value; null means null
     * @throws WplugException where it cannot be started: {@link Status#BAD_JSON}, {@link Status#BUSY},
     *     {@link Status#MESSAGE_LIMIT}
     * @throws IllegalStateException where the host or the plugin is closed
     */
    public Call callAsync(Plugin plugin, String method, String params, CallOptions options) {
        return start(new Call(this, executor), plugin, method, params, options);
    }

    public Result call(Plugin plugin, String method, String params) {
        return call(plugin, method, params, CallOptions.NONE);
    }

    /**
     * The same, and waits for the end. An interrupt cancels the call; the thread stays interrupted. Host methods may use it,
     * too.
     *
     * @throws RpcException where the plugin answered with an error
     * @throws CallException where it did not answer
     */
    public Result call(Plugin plugin, String method, String params, CallOptions options) {
        // It completes where it ends, because this may be the executor's only thread.
        Call call = new Call(this, null);
        if (workers.contains(Thread.currentThread())) {
            runHere(call, plugin, method, params, options);
        } else {
            start(call, plugin, method, params, options);
        }
        try {
            return call.get();
        } catch (InterruptedException e) {
            call.cancel(true);
            Thread.currentThread().interrupt();
            throw new CallException(Status.CANCELLED, "the thread that waited for '" + method + "' was interrupted", "", 0);
        } catch (ExecutionException e) {
            WplugException failure = (WplugException) e.getCause();
            failure.fillInStackTrace(); // The caller's, which says more.
            throw failure;
        }
    }

    private Call start(Call call, Plugin plugin, String method, String params, CallOptions options) {
        byte[] name = Text.toNative(Objects.requireNonNull(method), "the method's name");
        byte[] value = json(params);
        long host = enter();
        try {
            long module = plugin.enter();
            try {
                call.started(Native.hostCallStart(host, module, name, value, values(options), options.priority, call));
            } finally {
                plugin.leave();
            }
        } finally {
            leave();
        }
        return call;
    }

    private void runHere(Call call, Plugin plugin, String method, String params, CallOptions options) {
        byte[] name = Text.toNative(Objects.requireNonNull(method), "the method's name");
        byte[] value = json(params);
        long host = enter();
        try {
            long module = plugin.enter();
            try {
                Native.hostCallHere(host, module, name, value, values(options), options.priority, call);
            } finally {
                plugin.leave();
            }
        } finally {
            leave();
        }
    }

    private static byte[] json(String params) {
        if (params != null && params.indexOf('\0') >= 0) {
            throw new WplugException(Status.BAD_JSON, "the params have a character U+0000, which JSON has not");
        }
        return Text.toNative(params, "the params");
    }

    private static long[] values(CallOptions options) {
        return options.limits == null ? null : options.limits.values;
    }

    /** Of a call that has ended, or of a host that is closed, there is nothing to cancel. */
    void cancel(long task) {
        long host;
        try {
            host = enter();
        } catch (IllegalStateException e) {
            return;
        }
        try {
            Native.hostCancel(host, task);
        } finally {
            leave();
        }
    }

    /**
     * Cancels all calls and ends the threads; returns when that is done. In a host method or completion that runs on one of
     * these threads it returns at once, and another thread does it. Harmless where it is closed already.
     */
    @Override
    public void close() {
        if (workers.contains(Thread.currentThread())) {
            new Thread(this::close, "wplug close").start();
            return;
        }
        long host;
        try {
            host = enter();
        } catch (IllegalStateException e) {
            return;
        }
        try {
            Native.hostShutdown(host);
        } finally {
            markClosed();
            leave();
        }
    }

    @Override
    void free(long pointer) {
        Native.hostFree(pointer);
    }

    /* ---- From native code, on the host's threads ---- */

    private void workerStarted() {
        workers.add(Thread.currentThread());
    }

    private void workerStopped() {
        workers.remove(Thread.currentThread());
    }

    /** Returns whether the request is taken over: else the native side releases it. */
    private boolean receive(long pointer, int index, byte[] params, boolean isNotification, byte[] pluginName,
            byte[] pluginId) {
        Request request = new Request(pointer, names[index], params, isNotification, pluginName, pluginId);
        try {
            if (executor == null) {
                run(request, methods[index]);
            } else {
                executor.execute(() -> run(request, methods[index]));
            }
        } catch (Throwable e) { // the executor's
            request.fail(e);
        }
        return true;
    }

    private static void run(Request request, Object method) {
        try {
            if (method instanceof HostMethod) {
                request.answer(((HostMethod) method).call(request));
                return;
            }
            ((AsyncHostMethod) method).call(request).whenComplete((json, failure) -> {
                if (failure == null) {
                    request.answer(json);
                } else {
                    request.fail(failure);
                }
            });
        } catch (Throwable e) {
            request.fail(e);
        }
    }

    private void log(byte[] plugin, byte[] id, byte[] line, boolean isRemark) {
        try {
            log.log(Text.fromNative(plugin), Text.fromNative(id), Text.fromNative(line), isRemark);
        } catch (Throwable e) {
            Thread thread = Thread.currentThread();
            thread.getUncaughtExceptionHandler().uncaughtException(thread, e);
        }
    }
}

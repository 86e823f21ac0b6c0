package dev.wplug;

/** The library. Texts end with a 0 byte (see Text); null stands for NULL. Functions that fail throw, unless they return a status. */
final class Native {
    static {
        System.loadLibrary("wplug_jni");
    }

    private Native() {}

    static native String version();

    /** The name of a status in wplug.h. */
    static native String statusName(int status);

    static native long pluginLoad(byte[] module, byte[] name, byte[] id, byte[][] args, byte[][] env, byte[][] allow, int flags,
            long seed, long startTimeNanos, long maxModuleBytes, int snapshot, long[] limits);

    static native void pluginRelease(long plugin);

    static native byte[] pluginName(long plugin);

    static native byte[] pluginId(long plugin);

    /** Makes a pool, whose threads tell `host` who they are and bring it requests and lines of the log. */
    static native long hostNew(Host host, byte[][] methods, boolean wantsLog, int threads, int queueCapacity,
            int callsPerThread, long sliceFuel, long sandboxes);

    /** Returns the task. Call.finished comes later, perhaps before this returns. */
    static native long hostCallStart(long host, long plugin, byte[] method, byte[] params, long[] limits, int priority,
            Call call);

    /** For the pool's own threads: Call.finished has come when this returns. */
    static native void hostCallHere(long host, long plugin, byte[] method, byte[] params, long[] limits, int priority,
            Call call);

    static native void hostCancel(long host, long task);

    /** Ends all calls, and returns when the threads have ended. */
    static native void hostShutdown(long host);

    static native void hostFree(long host);

    static native int requestResult(long request, byte[] json);

    static native int requestError(long request, long code, byte[] message, byte[] data);

    static native boolean requestIsOpen(long request);

    static native void requestRelease(long request);

    /* ---- From native code ---- */

    /** Throws what a status and a message are in Java. */
    static void raise(int number, byte[] message) {
        Status status = Status.of(number);
        String text = Text.fromNative(message);
        if (number >= Status.FILE_NOT_FOUND.number && number <= Status.REACTOR.number) throw new LoadException(status, text);
        throw new WplugException(status, text);
    }
}

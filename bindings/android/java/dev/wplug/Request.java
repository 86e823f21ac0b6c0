package dev.wplug;

import java.util.UUID;
import java.util.concurrent.CompletionException;

/** What a plugin asks. For any thread. */
public final class Request {
    private final String method, params, pluginName;
    private final UUID pluginId;
    private final boolean isNotification;
    private long pointer; /* 0 when it was answered */

    Request(long pointer, String method, byte[] params, boolean isNotification, byte[] pluginName, byte[] pluginId) {
        this.method = method;
        this.params = Text.fromNative(params);
        this.isNotification = isNotification;
        this.pluginName = Text.fromNative(pluginName);
        this.pluginId = Text.idFromNative(pluginId);
        this.pointer = pointer;
    }

    public String method() {
        return method;
    }

    /** JSON as the plugin wrote it, "null" where there are none. */
    public String params() {
        return params;
    }

    /** It wants no answer; one that is given goes nowhere. */
    public boolean isNotification() {
        return isNotification;
    }

    public String pluginName() {
        return pluginName;
    }

    public UUID pluginId() {
        return pluginId;
    }

    /** False once it was answered or its call has ended: work on an answer can stop. */
    public synchronized boolean isOpen() {
        return pointer != 0 && Native.requestIsOpen(pointer);
    }

    /** Answers with a result, or with an error that says that it is none. */
    synchronized void answer(String json) {
        if (pointer == 0) return;
        int status = json != null && json.indexOf('\0') >= 0
                ? Status.BAD_JSON.number
                : Native.requestResult(pointer, Text.toNative(json, "the result"));
        if (status == Status.BAD_JSON.number) {
            fail(new RpcException(RpcException.INTERNAL_ERROR, "what the host method " + method + " returned is not JSON"));
        } else {
            release();
        }
    }

    /** Answers with an error. */
    synchronized void fail(Throwable failure) {
        if (pointer == 0) return;
        try {
            while (failure instanceof CompletionException && failure.getCause() != null) failure = failure.getCause();
            if (failure instanceof RpcException) {
                RpcException error = (RpcException) failure;
                refuse(error.code(), error.error(), error.data());
            } else {
                String message = failure.getMessage();
                refuse(RpcException.SERVER_ERROR, message == null ? failure.getClass().getName() : message, null);
            }
        } finally {
            release(); // Without an answer the library gives one.
        }
    }

    private void refuse(long code, String message, String data) {
        byte[] text = Text.toNative(message.replace('\0', '\ufffd'), "the message");
        boolean isData = data != null && data.indexOf('\0') < 0;
        int status = Native.requestError(pointer, code, text, isData ? Text.toNative(data, "the data") : null);
        // Better without data that is not JSON than not at all.
        if (status == Status.BAD_JSON.number) Native.requestError(pointer, code, text, null);
    }

    private void release() {
        long last = pointer;
        pointer = 0;
        if (last != 0) Native.requestRelease(last);
    }
}

package dev.wplug;

/**
 * An error of JSON-RPC. Calls throw it where the plugin answered with one; host methods throw it to answer the plugin with
 * one.
 */
public final class RpcException extends WplugException {
    public static final int PARSE_ERROR = -32700;
    public static final int INVALID_REQUEST = -32600;
    public static final int METHOD_NOT_FOUND = -32601;
    public static final int INVALID_PARAMS = -32602;
    public static final int INTERNAL_ERROR = -32603;
    /** Of an error that has no code of its own. */
    public static final int SERVER_ERROR = -32000;

    private static final long serialVersionUID = 1;
    private final long code;
    private final String error;
    private final String data;

    public RpcException(long code, String error) {
        this(code, error, null);
    }

    /** @param data any JSON value, or null: none */
    public RpcException(long code, String error, String data) {
        this(code, error, data, error);
    }

    RpcException(long code, String error, String data, String message) {
        super(Status.RPC_ERROR, message);
        this.code = code;
        this.error = error == null ? "" : error;
        this.data = data;
    }

    public long code() {
        return code;
    }

    /** The error's own message; {@link #getMessage} names the plugin and the method besides, where a call threw it. */
    public String error() {
        return error;
    }

    /** JSON, or null where there is none. */
    public String data() {
        return data;
    }
}

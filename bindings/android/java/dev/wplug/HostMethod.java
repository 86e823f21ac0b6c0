package dev.wplug;

/** A method of the program that plugins may call. */
@FunctionalInterface
public interface HostMethod {
    /**
     * Answers at once.
     *
     * @return any JSON value; null means null
     * @throws RpcException to answer with that error; any other exception becomes one with the code -32000
     */
    String call(Request request) throws Exception;
}

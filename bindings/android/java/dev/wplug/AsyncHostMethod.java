package dev.wplug;

import java.util.concurrent.CompletionStage;

/** A method of the program that answers later; the plugin waits, or does other things, and no thread is held. */
@FunctionalInterface
public interface AsyncHostMethod {
    /**
     * @return completes, on any thread, with what {@link HostMethod#call} would return or throw. Where it never does, the
     *     plugin waits until its time is over
     */
    CompletionStage<String> call(Request request) throws Exception;
}

package dev.wplug;

/**
 * What one call may use. What is not set comes from the plugin's limits, and what is not set there from the library's
 * defaults, which {@code wplug.h} names. Each limit has a status of its own.
 */
public final class Limits {
    /** Takes a limit away. */
    public static final long UNLIMITED = -1;

    /** In the order of struct wplug_limits; 0 is not set. */
    final long[] values = new long[13];

    private Limits set(int index, long value) {
        if (value <= 0 && value != UNLIMITED) throw new IllegalArgumentException("a limit is positive or UNLIMITED: " + value);
        values[index] = value;
        return this;
    }

    /** One unit is about one WebAssembly instruction. */
    public Limits fuel(long units) {
        return set(0, units);
    }

    /** From the call's start to its end, waiting included. */
    public Limits timeNanos(long nanoseconds) {
        return set(1, nanoseconds);
    }

    /** Of linear memory. */
    public Limits memoryBytes(long bytes) {
        return set(2, bytes);
    }

    public Limits tableElements(long elements) {
        return set(3, elements);
    }

    /** Of the guest's frames. */
    public Limits stackBytes(long bytes) {
        return set(4, bytes);
    }

    /** Guest calls within calls. */
    public Limits depth(long frames) {
        return set(5, frames);
    }

    /** One message, either direction. */
    public Limits messageBytes(long bytes) {
        return set(6, bytes);
    }

    /** Arrays and objects within each other in one message. */
    public Limits messageDepth(long levels) {
        return set(7, levels);
    }

    public Limits logBytes(long bytes) {
        return set(8, bytes);
    }

    /** Longer lines are cut, which is no error. */
    public Limits logLineBytes(long bytes) {
        return set(9, bytes);
    }

    /** Requests of the plugin that are open at once. */
    public Limits hostCalls(long requests) {
        return set(10, requests);
    }

    /** What the plugin may use after its answer. */
    public Limits lingerFuel(long units) {
        return set(11, units);
    }

    public Limits lingerNanos(long nanoseconds) {
        return set(12, nanoseconds);
    }
}
